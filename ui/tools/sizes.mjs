// Prints what a browser loads, by file, raw and compressed as the server sends it.
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const folder = new URL('../dist/', import.meta.url).pathname;
const rows = readdirSync(folder, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => {
    const path = join(entry.parentPath ?? entry.path, entry.name);
    const bytes = readFileSync(path);
    return { name: path.slice(folder.length), raw: bytes.length, gzip: gzipSync(bytes).length };
  })
  .sort((a, b) => b.raw - a.raw);

const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`.padStart(12);
for (const row of rows) console.log(`${kib(row.raw)} ${kib(row.gzip)} gzip  ${row.name}`);
const sum = (key) => rows.reduce((total, row) => total + row[key], 0);
console.log(`${kib(sum('raw'))} ${kib(sum('gzip'))} gzip  in all, ${rows.length} files`);

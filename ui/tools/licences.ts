import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Plugin } from 'vite';

/** Writes `licences.txt`: the licence of every package that has code or fonts in the bundle. */
export function licences(): Plugin {
  const packages = new Set<string>();
  return {
    name: 'tlsight-licences',
    apply: 'build',
    generateBundle(_options, bundle) {
      for (const chunk of Object.values(bundle)) {
        const sources = chunk.type === 'chunk' ? chunk.moduleIds : chunk.originalFileNames;
        for (const source of sources) {
          const folder = packageFolder(source);
          if (folder !== undefined) packages.add(folder);
        }
      }
      const texts = [...packages].sort().map(describe);
      this.emitFile({ type: 'asset', fileName: 'licences.txt', source: texts.join('\n\n') });
    },
  };
}

/** The folder of the package that a module belongs to, or `undefined` for our own. */
function packageFolder(module: string): string | undefined {
  return /^\0?(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(module)?.[1];
}

function describe(folder: string): string {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as {
    name: string;
    version: string;
    license?: string;
  };
  const title = `${manifest.name} ${manifest.version} (${manifest.license ?? 'licence not stated'})`;
  const files = existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isFile() && /^(licen[cs]e|notice)/i.test(entry.name))
        .map((entry) => entry.name)
    : [];
  const texts = files.map((name) => readFileSync(join(folder, name), 'utf8').trim());
  return [title, '='.repeat(title.length), ...texts].join('\n');
}

#!/bin/sh
# Writes the fields of the Elastic Common Schema, with their types, to ecs-fields.tsv: those of the sets that lines
# have fields of. They are in @elastic/ecs of npm (Apache-2.0), which Elastic makes of the schema.
set -eu
version=9.4.0
to=$(dirname "$(realpath "$0")")/ecs-fields.tsv
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
(cd "$folder" && npm pack --silent "@elastic/ecs@$version" >archive && tar xzf "$(cat archive)")
node - "$folder/package/build/commonjs/ecs_flat.js" "$version" >"$to.new" <<'END'
const [file, version] = process.argv.slice(2);
const { EcsFlat } = require(file);
const sets = new Set(["@timestamp", "client", "container", "data_stream", "destination", "ecs", "event", "host",
    "message", "network", "orchestrator", "process", "related", "rule", "server", "source", "tls"]);
console.log(`# Fields of the Elastic Common Schema (@elastic/ecs ${version}, Apache-2.0); made by ecs-fields.sh.`);
// Of processes around a process, and of files that were run, lines say nothing.
const isOther = /^process\.(parent\.)?(entry_leader|entry_meta|group_leader|session_leader|previous|elf|macho|pe)\b/;
for (const [name, field] of Object.entries(EcsFlat).sort(([one], [other]) => (one < other ? -1 : 1)))
    if (sets.has(name.split(".")[0]) && !isOther.test(name)) console.log(`${name}\t${field.type}`);
END
mv "$to.new" "$to"

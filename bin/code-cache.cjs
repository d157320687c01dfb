// Writes V8's code cache of every chunk: node bin/code-cache.cjs CHUNKS CACHES. It runs them first, starting with the
// command's help: a cache then holds what a start calls, which would be compiled at each start otherwise.
const {readdirSync, readFileSync, writeFileSync} = require('node:fs');
const {join} = require('node:path');
const {chunkLoader} = require('./chunks.cjs');

/** The whole Kubernetes client and certificate requests: large, and rarely asked for. Their caches would take two megabytes. */
const rare = /^(facade|x509-library)/;

const [from = '', to = ''] = process.argv.splice(2, 2, '--help');
const scripts = new Map();
const chunk = chunkLoader(
  (name) => ({source: readFileSync(join(from, name))}),
  (name, script) => scripts.set(name, script),
);

process.once('exit', () => {
  for (const name of readdirSync(from)) if (!rare.test(name)) chunk(`./${name}`);
  for (const name of readdirSync(from))
    writeFileSync(join(to, name), scripts.get(name)?.createCachedData() ?? '');
});
chunk('./main.cjs');

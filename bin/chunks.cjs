// How the chunks of the bundle are loaded: each is compiled, from its code cache, and run when it is first asked for, so
// that a command reads, compiles and keeps in memory what it works with and no more.
const {dirname} = require('node:path');
const {pathToFileURL} = require('node:url');
const {Script} = require('node:vm');

/** Names that a chunk finds: those of a CommonJS module, and what the build puts for `import.meta.url`. */
const parameters = ['require', 'module', 'exports', '__filename', '__dirname', '__nodectl_url'];

/**
 * `require` for chunks ("./NAME") and for what Node has. `read` gives a chunk's source and code cache as bytes;
 * `compiled` is told each script, for who makes the caches.
 */
function chunkLoader(read, compiled = () => {}) {
  const modules = new Map();
  const file = process.execPath;
  function load(name) {
    const known = modules.get(name);
    if (known !== undefined) return known.exports;
    const module = {exports: {}};
    modules.set(name, module);
    const {source, cachedData} = read(name);
    const script = new Script(`(function(${parameters}){${source.latin1Slice()}\n})`, {
      filename: name,
      cachedData,
    });
    compiled(name, script);
    const run = script.runInThisContext();
    run.call(module.exports, chunk, module, module.exports, file, dirname(file), pathToFileURL(file).href);
    return module.exports;
  }
  function chunk(name) {
    return name.startsWith('./') ? load(name.slice(2)) : require(name);
  }
  return chunk;
}

module.exports = {chunkLoader};

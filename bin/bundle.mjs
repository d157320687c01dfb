// The bundle, in chunks: what is imported only when it is needed (`await import(…)`) stands in files of its own.
// esbuild splits ES modules only, and a single executable runs CommonJS only, so each chunk is turned into it afterwards.
import {execFileSync} from 'node:child_process';
import {mkdirSync, readdirSync, writeFileSync} from 'node:fs';
import {basename, join} from 'node:path';
import {build, transform} from 'esbuild';

const root = new URL('..', import.meta.url).pathname;

/**
 * Parts of libraries in the place of whole ones: what nodectl does not use of them would be read, and what Node loads for it
 * (clusters, workers, the console's line editor) would stay in each daemon's memory. Of undici's four HTTP/1 parsers in
 * WebAssembly, seventy kilobytes each, the one that works on every processor is left.
 */
const slim = {
  name: 'slim',
  setup({onResolve, onLoad}) {
    const own = {
      undici: 'undici.cjs',
      'prom-client': 'prom-client.cjs',
    };
    onResolve({filter: /^(undici|prom-client)$/}, ({path}) => ({path: join(root, 'bin/parts', own[path])}));
    const parser = join(root, 'node_modules/undici/lib/llhttp/llhttp-wasm.js');
    onResolve({filter: /\/llhttp_simd-wasm\.js$/}, () => ({path: parser}));
    onResolve({filter: /\/milo\/(no-)?simd\.js$/}, ({path}) => ({path, namespace: 'none'}));
    // The one says of each line by which process it was written, where there is tracing; the other sends lines to threads.
    onResolve({filter: /^(@opentelemetry\/api|thread-stream)$/}, ({path}) => ({path, namespace: 'none'}));
    onResolve({filter: /^(node:)?(assert|http2|worker_threads)$/}, ({path, importer}) =>
      /\/node_modules\/(undici|sonic-boom|pino)\//.test(importer)
        ? {path: join(root, 'bin/parts', `${path.replace('node:', '')}.cjs`)}
        : undefined,
    );
    onLoad({filter: /./, namespace: 'none'}, () => ({contents: ''}));
  },
};

const target = {platform: 'node', target: 'node24', minify: true, legalComments: 'none'};

/** Writes the chunks into `dir`; main.cjs is the one that starts. */
export async function bundle(dir) {
  mkdirSync(dir, {recursive: true});
  const {outputFiles, metafile} = await build({
    ...target,
    entryPoints: [join(root, 'src/main.ts')],
    outdir: dir,
    bundle: true,
    splitting: true,
    format: 'esm',
    write: false,
    metafile: true,
    plugins: [slim],
    define: {
      'import.meta.dirname': '__dirname',
      'import.meta.url': '__nodectl_url',
      'process.env.UNDICI_USE_MILO': 'undefined',
    },
    chunkNames: '[name]-[hash]',
    outExtension: {'.js': '.cjs'},
    logLevel: 'warning',
  });
  refuseCommonJsChunks(metafile);
  for (const {path, text} of outputFiles) {
    const {code} = await transform(text, {
      ...target,
      format: 'cjs',
      supported: {'dynamic-import': false},
      logLevel: 'warning',
    });
    writeFileSync(join(dir, basename(path)), latin1(code));
  }
}

/** Of a CommonJS module that is imported on demand only `default` would be left: esbuild cannot see its names. */
function refuseCommonJsChunks({inputs, outputs}) {
  for (const {entryPoint} of Object.values(outputs))
    if (inputs[entryPoint]?.format === 'cjs')
      throw new Error(
        `${entryPoint} is CommonJS: import it on demand through a module of ours that names what it needs`,
      );
}

/** V8 keeps the source of every function; one character beyond Latin-1 (esbuild leaves them in regular expressions) doubles it. */
function latin1(source) {
  return source.replace(
    /[\u0080-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Writes the code cache of each chunk into `dir`, empty where this machine cannot make one: it is valid only for the architecture that made it. */
export function codeCaches(chunks, dir, foreign) {
  mkdirSync(dir, {recursive: true});
  if (foreign) for (const name of readdirSync(chunks)) writeFileSync(join(dir, name), '');
  else
    execFileSync(process.execPath, [join(root, 'bin/code-cache.cjs'), chunks, dir], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
}

/** The executable's main script, which loads the chunks. */
export async function start(file) {
  await build({
    ...target,
    entryPoints: [join(root, 'bin/start.cjs')],
    outfile: file,
    bundle: true,
    format: 'cjs',
  });
}

// dist/nodectl: SEA blob with assets → injected into a stripped Node; behind it the chunks of the bundle and their code caches.
// The Node that is embedded is the dev dependency's (24 LTS: Node 26's builds need libatomic1, absent on minimal hosts).
import {execFileSync} from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import {join} from 'node:path';
import {bundle, codeCaches, start} from './bundle.mjs';
import {makeImages} from './images.mjs';
import {appendChunks} from './tail.mjs';

const root = new URL('..', import.meta.url).pathname;
const dist = join(root, 'dist');
const arch = process.argv.find((word) => word.startsWith('--arch='))?.slice('--arch='.length) ?? process.arch;
const foreign = arch !== process.arch;
const output = join(dist, foreign ? `nodectl-${arch}` : 'nodectl');
const work = join(dist, `.build-${process.pid}`);
const chunks = join(work, 'chunks');
const caches = join(work, 'cache');
const step = (text) => console.log(`build: ${text}`);

/** Files below templates/, as asset names. */
function templates(dir = 'templates') {
  return readdirSync(join(root, dir), {withFileTypes: true}).flatMap((entry) =>
    entry.isDirectory() ? templates(`${dir}/${entry.name}`) : [`${dir}/${entry.name}`],
  );
}

function blob(images) {
  const assets = Object.fromEntries(templates().map((name) => [name, join(root, name)]));
  for (const name of ['pause', 'hello']) assets[`images/${name}.tar`] = join(images, `${name}.tar`);
  const config = {
    main: join(work, 'start.cjs'),
    output: join(work, 'sea.blob'),
    disableExperimentalSEAWarning: true,
    useSnapshot: false,
    useCodeCache: !foreign,
    // NODE_OPTIONS must not inject code into a root agent.
    execArgvExtension: 'none',
    assets,
  };
  writeFileSync(join(work, 'sea.json'), JSON.stringify(config));
  execFileSync(process.execPath, ['--experimental-sea-config', join(work, 'sea.json')], {stdio: 'pipe'});
  return join(work, 'sea.blob');
}

function imagesStale(images) {
  const made = join(images, 'hello.tar');
  if (!existsSync(made)) return true;
  const sources = ['bin/images.mjs', ...templates('templates/images')].map(
    (name) => statSync(join(root, name)).mtimeMs,
  );
  return Math.max(...sources) > statSync(made).mtimeMs;
}

async function main() {
  mkdirSync(work, {recursive: true});
  try {
    const node = join(root, `node_modules/node-linux-${arch}/bin/node`);
    if (!existsSync(node)) throw new Error(`${node} is missing: run npm ci (for ${arch})`);
    step('bundle');
    await bundle(chunks);
    codeCaches(chunks, caches, foreign);
    await start(join(work, 'start.cjs'));
    const images = join(dist, foreign ? `images-${arch}` : 'images');
    if (imagesStale(images)) {
      step('images');
      makeImages(arch, images);
    }
    step('single executable');
    const target = join(work, 'nodectl');
    copyFileSync(node, target);
    // Before the injection: stripping afterwards would silently break the executable.
    const prefix = foreign ? (arch === 'arm64' ? 'aarch64-linux-gnu-' : 'x86_64-linux-gnu-') : '';
    execFileSync(`${prefix}strip`, [target]);
    const fuse = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
    // A stripped ELF makes postject warn about section names; its words matter only when it fails.
    execFileSync('postject', [target, 'NODE_SEA_BLOB', blob(images), '--sentinel-fuse', fuse], {
      stdio: 'pipe',
    });
    appendChunks(target, chunks, caches);
    chmodSync(target, 0o755);
    // Copied once more: the page cache holds what postject wrote at one go in large folios, and a process maps those
    // whole. Until the machine has read the file again each would seem to use 17 MB more.
    copyFileSync(target, `${target}.copy`);
    renameSync(`${target}.copy`, output);
    step(`${output.slice(root.length)} ${(statSync(output).size / 1e6).toFixed(1)} MB`);
  } finally {
    rmSync(work, {recursive: true, force: true});
  }
}

await main();

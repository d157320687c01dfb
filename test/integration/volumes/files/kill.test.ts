import {execFileSync, spawn} from 'node:child_process';
import * as fs from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {build} from 'esbuild';
import {afterAll, afterEach, beforeAll, beforeEach, expect, it} from 'vitest';
import {realClock} from '../../../../src/edges/clock.ts';
import {writeProjection} from '../../../../src/edges/files/pods/atomic-writer.ts';
import {mountsAtOrBelow, readMounts} from '../../../../src/edges/mounts/mounts.ts';
import {run} from '../../../../src/edges/process/exec.ts';
import {keepVolumes} from '../../../../src/kubelet/volumes/pod-volumes.ts';
import {silent} from '../../../../src/lib/log.ts';
import {until} from '../../support/wait.ts';
import {churningContext, churningPod, payload} from './kill-fixtures.ts';

/** `NODECTL_LONG_TESTS=1`: the numbers that a release is held to. */
const long = process.env.NODECTL_LONG_TESTS === '1';
const killed = 137;
/** What changes anything. */
const calls = ['rename', 'symlink', 'unlink', 'unlinkat', 'rmdir', 'mkdir', 'chmod', 'lchown', 'fsync'];

let bundles: string;
let writer: string;
beforeAll(async () => {
  bundles = await fs.mkdtemp(join(tmpdir(), 'volumes-writer-'));
  writer = join(bundles, 'writer.mjs');
  const entry = join(import.meta.dirname, 'writer.ts');
  const banner = {js: "import {createRequire} from 'node:module'; const require = createRequire('/');"};
  await build({entryPoints: [entry], outfile: writer, bundle: true, platform: 'node', format: 'esm', banner});
});
afterAll(() => fs.rm(bundles, {recursive: true}));

let root: string;
beforeEach(async () => {
  root = await fs.mkdtemp(join(tmpdir(), 'volumes-kill-'));
});
afterEach(async () => {
  for (const point of mountsAtOrBelow(await readMounts(), root)) execFileSync('umount', ['-l', point]);
  await fs.rm(root, {recursive: true});
});

/** Runs the writer under strace(1); with one thread for files, so that calls come in one order. */
async function traced(args: readonly string[], ...options: string[]): Promise<number> {
  const env = {UV_THREADPOOL_SIZE: '1', NODE_NO_WARNINGS: '1'};
  const {exitCode} = await run('strace', ['-f', '-qq', ...options, process.execPath, writer, ...args], {
    env,
    okCodes: [-1, 0, killed],
  });
  return exitCode;
}

/** Processes whose command line names a directory. */
async function processesOf(directory: string): Promise<string[]> {
  const pids = (await fs.readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map((pid) => fs.readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')),
  );
  return lines.filter((line) => line.includes(directory));
}

async function tree(directory: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for (const name of await fs.readdir(directory, {recursive: true})) {
    const path = join(directory, name);
    if ((await fs.stat(path)).isFile()) found[name] = await fs.readFile(path, 'utf8');
  }
  return found;
}

const versionOf = (version: string) =>
  Object.fromEntries([...payload(version)].map(([path, {data}]) => [path, Buffer.from(data).toString()]));

it('a writer killed at any step leaves the old version or the new one, and the next one tidies', async () => {
  const volume = join(root, 'volume');
  const prepare = async () => {
    await fs.rm(volume, {recursive: true, force: true});
    await fs.mkdir(volume);
    await writeProjection(volume, payload('old'));
  };
  await prepare();
  const log = join(root, 'trace');
  await traced(['write', volume, 'new'], '-o', log, '-e', `trace=${calls.map((c) => `?${c}`).join(',')}`);
  const made = (await fs.readFile(log, 'utf8')).split('\n').map((line) => /^\d+\s+(\w+)\(/.exec(line)?.[1]);
  const steps = calls.flatMap((call) =>
    made.filter((name) => name === call).map((_, at) => ({call, when: at + 1})),
  );
  expect(steps.map(({call}) => call)).toEqual(expect.arrayContaining(['rename', 'symlink', 'mkdir']));
  const seen = new Set<string>();
  for (const {call, when} of steps) {
    await prepare();
    const inject = `inject=${call}:signal=KILL:when=${when}`;
    const code = await traced(
      ['write', volume, 'new'],
      '-o',
      '/dev/null',
      '-e',
      `trace=${call}`,
      '-e',
      inject,
    );
    expect(code, `${call} ${when} was not reached`).not.toBe(0);
    const published = await tree(join(volume, '..data'));
    const version = 'only-old' in published ? 'old' : 'new';
    expect(published, `after ${call} ${when}`).toEqual(versionOf(version));
    expect(await fs.readFile(join(volume, 'a'), 'utf8')).toBe(published.a);
    expect(await fs.readFile(join(volume, 'deep/b'), 'utf8')).toBe(published['deep/b']);
    seen.add(version);
    await writeProjection(volume, payload('new'));
    expect((await fs.readdir(volume)).filter((name) => !/^\.\.\d/.test(name)).sort()).toEqual([
      '..data',
      'a',
      'deep',
      'only-new',
    ]);
    expect((await fs.readdir(volume)).filter((name) => /^\.\.\d/.test(name))).toHaveLength(1);
  }
  expect([...seen].sort()).toEqual(['new', 'old']);
}, 120_000);

it('a kubelet killed at any moment leaves nothing that the next one cannot take down', async () => {
  await fs.mkdir(join(root, 'disk'));
  await fs.writeFile(join(root, 'disk/data'), 'precious');
  const next = () => keepVolumes(churningContext(root, 'next'), realClock, silent);
  const rounds = long ? 200 : 12;
  for (let round = 0; round < rounds; round++) {
    const child = spawn(process.execPath, [writer, 'churn', root], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {...process.env, NODE_NO_WARNINGS: '1'},
    });
    const exited = new Promise((resolve) => child.once('exit', resolve));
    const begun = new Promise((resolve) => child.stdout.once('data', () => resolve('begun')));
    expect(await Promise.race([begun, exited])).toBe('begun');
    // Any moment of the next few rounds: the sweep is over chance, not over a clock.
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 60));
    child.kill('SIGKILL');
    await exited;
    // A mount(8) that it had begun ends by itself.
    await until('its children have ended', async () => (await processesOf(root)).length === 0);
    const agent = next();
    const {uid} = churningPod.metadata;
    if (round % 2 === 0) {
      await agent.prepare(churningPod, new AbortController().signal);
      const volumes = join(root, 'kubelet/pods', uid, 'volumes');
      for (const kind of ['kubernetes.io~configmap/map', 'kubernetes.io~secret/hidden'])
        expect(await tree(join(volumes, kind, '..data'))).toEqual({a: 'next', b: 'next'});
    }
    for (const orphan of await agent.orphans(new Set())) await agent.tearDown(orphan);
    expect(mountsAtOrBelow(await readMounts(), root)).toEqual([]);
    expect(await fs.readdir(join(root, 'kubelet/pods'))).toEqual([]);
    expect(await fs.readFile(join(root, 'disk/data'), 'utf8')).toBe('precious');
    agent.stop();
  }
}, 600_000);

import {execFileSync, spawn} from 'node:child_process';
import * as fs from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, it} from 'vitest';
import {setGroupOwnership} from '../../../../src/edges/files/pods/ownership.ts';
import {mountsAtOrBelow, readMounts} from '../../../../src/edges/mounts/mounts.ts';
import {bindSubPath, readInside} from '../../../../src/edges/mounts/subpath.ts';

/** `NODECTL_LONG_TESTS=1`: the minute that a release is held to. */
const raceMs = process.env.NODECTL_LONG_TESTS === '1' ? 60_000 : 2_000;
const fsGroup = 4321;

let root: string;
let volume: string;
let stop: () => Promise<void>;

beforeEach(async () => {
  root = await fs.mkdtemp(join(tmpdir(), 'volumes-race-'));
  volume = join(root, 'volume');
  await fs.mkdir(join(volume, 'real/inner'), {recursive: true});
  await fs.writeFile(join(volume, 'real/inner/file'), 'mine');
  await fs.mkdir(join(root, 'outside/inner'), {recursive: true});
  await fs.writeFile(join(root, 'outside/inner/file'), 'secret of the node', {mode: 0o600});
  stop = await swapping();
});
afterEach(async () => {
  await stop();
  for (const point of mountsAtOrBelow(await readMounts(), root)) execFileSync('umount', [point]);
  await fs.rm(root, {recursive: true});
});

/** Another process swaps a directory of the volume for a link that leads out of it and back, as fast as it can. */
async function swapping(): Promise<() => Promise<void>> {
  const program = `
    const fs = require('node:fs');
    process.chdir(process.argv[1]);
    fs.symlinkSync(process.argv[2], 'link');
    process.stdout.write('ready');
    const quietly = (act) => { try { act(); } catch {} };
    for (;;) {
      quietly(() => fs.renameSync('real', 'aside'));
      quietly(() => fs.renameSync('link', 'real'));
      quietly(() => fs.renameSync('real', 'link'));
      // Whoever looked for 'real' meanwhile may have made it.
      quietly(() => fs.rmdirSync('real/inner'));
      quietly(() => fs.rmdirSync('real'));
      quietly(() => fs.renameSync('aside', 'real'));
    }`;
  const args = ['-e', program, volume, join(root, 'outside')];
  const child = spawn(process.execPath, args, {stdio: ['ignore', 'pipe', 'inherit']});
  const exited = new Promise((resolve) => child.once('exit', resolve));
  await new Promise((resolve) => child.stdout.once('data', resolve));
  return async () => {
    child.kill('SIGKILL');
    await exited;
  };
}

/** Does it over and over for as long as the race lasts; what was refused is fine. How often it went through. */
async function racing(attempt: () => Promise<void>): Promise<number> {
  const end = performance.now() + raceMs;
  let through = 0;
  while (performance.now() < end)
    try {
      await attempt();
      through++;
    } catch (error) {
      if (error instanceof Error && error.name === 'AssertionError') throw error;
    }
  return through;
}

it('a sub-path never leads out of its volume', async () => {
  const target = join(root, 'target');
  const outside = await fs.stat(join(root, 'outside/inner'));
  const through = await racing(async () => {
    await bindSubPath(volume, 'real/inner', target);
    expect((await fs.stat(target)).ino).not.toBe(outside.ino);
  });
  expect(through).toBeGreaterThan(0);
}, 90_000);

it('a file that is read from a volume is never one outside of it', async () => {
  const through = await racing(async () => {
    expect(await readInside(volume, 'real/inner/file', 100)).toBe('mine');
  });
  expect(through).toBeGreaterThan(0);
}, 90_000);

it('a group is never given what lies outside of its volume', async () => {
  await racing(async () => {
    await fs.lchown(volume, -1, 0);
    await setGroupOwnership(volume, {fsGroup, readOnly: false});
  });
  for (const path of ['outside', 'outside/inner', 'outside/inner/file']) {
    const {gid} = await fs.stat(join(root, path));
    expect(gid, path).not.toBe(fsGroup);
  }
  expect((await fs.stat(join(root, 'outside/inner/file'))).mode & 0o777).toBe(0o600);
}, 90_000);

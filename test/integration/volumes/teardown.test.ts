import {execFileSync} from 'node:child_process';
import * as fs from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, it} from 'vitest';
import {realClock} from '../../../src/edges/clock.ts';
import {mountsAtOrBelow, readMounts} from '../../../src/edges/mounts/mounts.ts';
import {type KeptVolumes, keepVolumes} from '../../../src/kubelet/volumes/pod-volumes.ts';
import {silent} from '../../../src/lib/log.ts';
import {volumeContext} from './support.ts';

/** What a kubelet that ended in the middle, or another one, has left of pods that nobody knows any more. */
let root: string;
let agent: KeptVolumes;
beforeEach(async () => {
  root = await fs.mkdtemp(join(tmpdir(), 'volumes-teardown-'));
  agent = keepVolumes(volumeContext(root, {configMaps: new Map(), secrets: new Map()}), realClock, silent);
});
afterEach(async () => {
  agent.stop();
  for (const point of mountsAtOrBelow(await readMounts(), root)) execFileSync('umount', ['-l', point]);
  await fs.rm(root, {recursive: true});
});

const at = (...parts: string[]): string => join(root, 'pods/u-1', ...parts);
const make = async (path: string): Promise<string> => {
  await fs.mkdir(path, {recursive: true});
  return path;
};
const mount = (...args: string[]): void => void execFileSync('mount', args);
const left = async (): Promise<string[]> => [
  ...mountsAtOrBelow(await readMounts(), root),
  ...(await fs.readdir(join(root, 'pods'))),
];

it('takes down what is mounted for a kind of volume that it does not know, and nothing of its source', async () => {
  const source = await make(join(root, 'source'));
  await fs.writeFile(join(source, 'data'), 'precious');
  mount('--bind', source, await make(at('volumes/example.com~thing/v/mount')));
  mount('-t', 'tmpfs', 'tmpfs', await make(at('volumes/example.com~thing/v/mount/inner')));
  await make(at('plugins/example.com~thing/v'));
  expect(await agent.orphans(new Set())).toEqual(['u-1']);
  await agent.tearDown('u-1');
  expect(await left()).toEqual([]);
  expect(await fs.readFile(join(source, 'data'), 'utf8')).toBe('precious');
});

it.each(['kubernetes.io~nfs', 'kubernetes.io~local-volume', 'example.com~thing'])(
  'keeps files that were written into the place of a volume of %s while it was not mounted',
  async (plugin) => {
    const place = await make(at('volumes', plugin, 'v'));
    await fs.writeFile(join(place, 'data'), 'precious');
    await expect(agent.tearDown('u-1')).rejects.toThrow('not empty');
    expect(await fs.readFile(join(place, 'data'), 'utf8')).toBe('precious');
    await fs.rm(join(place, 'data'));
    await agent.tearDown('u-1');
    expect(await left()).toEqual([]);
  },
);

it('ends volumes that are half made, over-mounted and mounted in each other', async () => {
  // Made and not mounted yet; mounted and nothing written; written and not linked.
  await make(at('volumes/kubernetes.io~secret/made'));
  mount('-t', 'tmpfs', 'tmpfs', await make(at('volumes/kubernetes.io~projected/mounted')));
  await make(at('volumes/kubernetes.io~configmap/written/..2026_01_01_00_00_00.abc'));
  const memory = await make(at('volumes/kubernetes.io~empty-dir/memory'));
  for (let times = 0; times < 3; times++) mount('-t', 'tmpfs', 'tmpfs', memory);
  const disk = await make(at('volumes/kubernetes.io~empty-dir/disk/a'));
  mount('--bind', memory, disk);
  mount('--bind', join(disk, '..'), await make(at('volume-subpaths/disk/app/0')));
  await fs.writeFile(at('volumes/kubernetes.io~empty-dir/disk/file'), 'gone with its pod');
  await agent.tearDown('u-1');
  expect(await left()).toEqual([]);
});

it('waits for a busy mount, and goes on where it was', async () => {
  const memory = await make(at('volumes/kubernetes.io~empty-dir/memory'));
  mount('-t', 'tmpfs', 'tmpfs', memory);
  const free = await make(at('volumes/kubernetes.io~empty-dir/free'));
  mount('-t', 'tmpfs', 'tmpfs', free);
  const held = await fs.open(join(memory, 'file'), 'w');
  try {
    await expect(agent.tearDown('u-1')).rejects.toThrow('busy');
    expect(mountsAtOrBelow(await readMounts(), root)).toEqual([memory]);
  } finally {
    await held.close();
  }
  await agent.tearDown('u-1');
  expect(await left()).toEqual([]);
});

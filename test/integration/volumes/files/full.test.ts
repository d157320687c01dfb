import {execFileSync} from 'node:child_process';
import * as fs from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {realClock} from '../../../../src/edges/clock.ts';
import {mountsAtOrBelow, readMounts} from '../../../../src/edges/mounts/mounts.ts';
import {type KeptVolumes, keepVolumes} from '../../../../src/kubelet/volumes/pod-volumes.ts';
import {silent} from '../../../../src/lib/log.ts';
import {configMap} from '../../../unit/kubelet/pod-config/pods.ts';
import {mountingPod, volumeContext} from '../support.ts';

const signal = new AbortController().signal;
const of = mountingPod({volumes: [{name: 'c', configMap: {name: 'c'}}]});
const small = {a: 'old', b: 'old'};

let root: string;
let agent: KeptVolumes;
let told: string[];
let data: Record<string, string>;

beforeEach(async () => {
  root = await fs.mkdtemp(join(tmpdir(), 'volumes-full-'));
  told = [];
  data = small;
});
afterEach(async () => {
  agent.stop();
  for (const point of mountsAtOrBelow(await readMounts(), root)) execFileSync('umount', [point]);
  await fs.rm(root, {recursive: true});
});

/** A kubelet whose whole disk is this small. */
function start(options: string): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', root]);
  const objects = {
    configMaps: new Map(),
    secrets: new Map(),
  };
  const context = volumeContext(root, objects, {
    objects: {configMap: async () => configMap('c', data), secret: async () => undefined},
    tell: (_pod, type, reason, message) => told.push(`${type} ${reason} ${message}`),
  });
  agent = keepVolumes(context, realClock, silent);
}

async function shown(): Promise<Record<string, string>> {
  const volume = join(root, 'pods/u-1/volumes/kubernetes.io~configmap/c');
  const names = (await fs.readdir(volume)).filter((name) => !name.startsWith('..'));
  const contents = await Promise.all(names.map((name) => fs.readFile(join(volume, name), 'utf8')));
  return Object.fromEntries(names.map((name, at) => [name, contents[at] ?? '']));
}

describe.each([
  ['no space', 'size=256k', {a: 'x'.repeat(200_000), b: 'y'.repeat(200_000)}],
  ['no inodes', 'nr_inodes=24', Object.fromEntries(Array.from({length: 40}, (_, at) => [`f${at}`, '']))],
])('a disk with %s left', (_, options, tooMuch) => {
  it('keeps what a volume showed, says so, and recovers by itself', async () => {
    start(options);
    await agent.prepare(of, signal);
    const before = await fs.readdir(join(root, 'pods/u-1/volumes/kubernetes.io~configmap/c'));
    data = tooMuch;
    await agent.refresh(of);
    expect(await shown()).toEqual(small);
    expect(await fs.readdir(join(root, 'pods/u-1/volumes/kubernetes.io~configmap/c'))).toEqual(before);
    expect(told).toEqual([
      expect.stringMatching(/^Warning FailedMount MountVolume.SetUp failed for volume "c" : ENOSPC/),
    ]);
    data = {a: 'new'};
    await agent.refresh(of);
    expect(await shown()).toEqual({a: 'new'});
  });

  it('refuses a new pod with the cause, and can take it down', async () => {
    start(options);
    data = tooMuch;
    await expect(agent.prepare(of, signal)).rejects.toThrow(
      /^MountVolume.SetUp failed for volume "c" : ENOSPC: no space left on device/,
    );
    await agent.tearDown('u-1');
    expect(await fs.readdir(join(root, 'pods'))).toEqual([]);
    data = small;
    await agent.prepare(of, signal);
    expect(await shown()).toEqual(small);
  });
});

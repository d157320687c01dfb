import {execFileSync} from 'node:child_process';
import * as fs from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, it} from 'vitest';
import {realClock} from '../../../../src/edges/clock.ts';
import type {KubeClient} from '../../../../src/edges/kube/client.ts';
import {mountsAtOrBelow, readMounts} from '../../../../src/edges/mounts/mounts.ts';
import {type LocalGrowth, startLocalGrowth} from '../../../../src/kubelet/volumes/growth/local-growth.ts';
import {type KeptVolumes, keepVolumes} from '../../../../src/kubelet/volumes/pod-volumes.ts';
import type {PersistentVolume, PersistentVolumeClaim} from '../../../../src/lib/kubernetes.ts';
import {silent} from '../../../../src/lib/log.ts';
import {mountingPod, volumeContext} from '../support.ts';

const mi = 1024 * 1024;
const signal = new AbortController().signal;
const metadata = {name: 'data', namespace: 'default', uid: 'c-1', resourceVersion: '1'};
let root: string;
let loop: string;
let growth: LocalGrowth;
let agent: KeptVolumes;
let claim: PersistentVolumeClaim;
let volume: PersistentVolume;
let statuses: object[];
let told: string[];
const path = process.env.PATH;

function refuse(): never {
  throw new Error('not asked for');
}

beforeEach(async () => {
  root = await fs.mkdtemp(join(tmpdir(), 'volumes-growth-'));
  await fs.writeFile(join(root, 'image'), '');
  await fs.truncate(join(root, 'image'), 16 * mi);
  loop = execFileSync('losetup', ['-f', '--show', join(root, 'image')], {encoding: 'utf8'}).trim();
  // Growing a mounted ext4 takes CAP_SYS_RESOURCE, which containers of test machines lack: the tool is noted only.
  const tool = `#!/bin/sh\necho "$@" >>${root}/resized\n`;
  await fs.mkdir(join(root, 'bin'));
  await fs.writeFile(join(root, 'bin/resize2fs'), tool, {mode: 0o755});
  process.env.PATH = `${root}/bin:${path}`;
  statuses = [];
  told = [];
  claim = {
    metadata,
    spec: {volumeName: 'pv-1', accessModes: ['ReadWriteOnce'], resources: {requests: {storage: '16Mi'}}},
    status: {phase: 'Bound', capacity: {storage: '16Mi'}},
  };
  volume = {
    metadata: {name: 'pv-1', uid: 'v-1', resourceVersion: '1'},
    spec: {claimRef: {uid: 'c-1'}, capacity: {storage: '16Mi'}, local: {path: loop, fsType: 'ext4'}},
  };
  const client: KubeClient = {
    request: refuse,
    get: refuse,
    list: refuse,
    create: refuse,
    update: refuse,
    delete: refuse,
    watch: refuse,
    // What is answered is what was there, as far as these tests look at it.
    patch: async (_resource, _key, {body}) => {
      const {status} = JSON.parse(JSON.stringify(body));
      statuses.push(status);
      claim = {...claim, status: {...claim.status, ...status}};
      return JSON.parse(JSON.stringify(claim));
    },
  };
  const recorder = {record: () => {}, stop: async () => {}};
  growth = startLocalGrowth({
    client,
    recorder,
    clock: realClock,
    log: silent,
    nodeName: 'node-1',
    everyMs: 50,
  });
  const context = volumeContext(
    root,
    {configMaps: new Map(), secrets: new Map()},
    {
      claims: {claim: async () => claim, volume: async () => volume},
      plugins: [growth.plugin],
      tell: (_pod, _type, reason, message) => told.push(`${reason}: ${message}`),
    },
  );
  agent = keepVolumes(context, realClock, silent);
});
afterEach(async () => {
  process.env.PATH = path;
  agent.stop();
  await growth.stop();
  for (const point of mountsAtOrBelow(await readMounts(), root)) execFileSync('umount', [point]);
  execFileSync('losetup', ['-d', loop]);
  await fs.rm(root, {recursive: true});
});

const pod = mountingPod({volumes: [{name: 'v', persistentVolumeClaim: {claimName: 'data'}}]}, {uid: 'u-1'});
const resized = () => fs.readFile(join(root, 'resized'), 'utf8').catch(() => '');

function grow(): void {
  volume = {...volume, spec: {...volume.spec, capacity: {storage: '64Mi'}}};
  claim = {
    ...claim,
    spec: {...claim.spec, resources: {requests: {storage: '64Mi'}}},
    status: {
      ...claim.status,
      allocatedResources: {storage: '64Mi'},
      allocatedResourceStatuses: {storage: 'NodeResizePending'},
    },
  };
}
const finished = {
  capacity: {storage: '64Mi'},
  allocatedResourceStatuses: {storage: null},
  conditions: [],
};

it('grows the file system of a device while pods use it, and tells the claim', async () => {
  await agent.prepare(pod, signal);
  expect(await resized()).toBe('');
  grow();
  await expect.poll(() => statuses, {timeout: 20_000}).toContainEqual(finished);
  expect(await resized()).toBe(`${loop}\n`);
  expect(statuses).toEqual([{allocatedResourceStatuses: {storage: 'NodeResizeInProgress'}}, finished]);
  expect(told).toEqual([
    'FileSystemResizeSuccessful: MountVolume.NodeExpandVolume succeeded for volume "pv-1" node-1',
  ]);
  await agent.tearDown('u-1');
  expect(mountsAtOrBelow(await readMounts(), root)).toEqual([]);
});

it('grows it when it is mounted, where it has grown before', async () => {
  await agent.prepare(pod, signal);
  await agent.tearDown('u-1');
  grow();
  await agent.prepare(pod, signal);
  expect(await resized()).toBe(`${loop}\n`);
  expect(statuses).toContainEqual(finished);
});

it('says what it cannot grow', async () => {
  volume = {...volume, spec: {...volume.spec, local: {path: loop, fsType: 'ext2'}}};
  await agent.prepare(pod, signal);
  grow();
  const why = `resize of format ext2 is not supported for device ${loop} mounted at ${root}/plugins/kubernetes.io/local-volume/mounts/pv-1`;
  await expect.poll(() => told, {timeout: 20_000}).toContainEqual(expect.stringContaining(why));
  expect(await resized()).toBe('');
});

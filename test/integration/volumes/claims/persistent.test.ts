import {execFileSync} from 'node:child_process';
import * as fs from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {realClock} from '../../../../src/edges/clock.ts';
import {mountsAtOrBelow, readMounts} from '../../../../src/edges/mounts/mounts.ts';
import {type KeptVolumes, keepVolumes} from '../../../../src/kubelet/volumes/pod-volumes.ts';
import type {PersistentVolume, PersistentVolumeClaim, Pod} from '../../../../src/lib/kubernetes.ts';
import {silent} from '../../../../src/lib/log.ts';
import {container} from '../../../unit/kubelet/pod-config/pods.ts';
import {mountingPod, volumeContext} from '../support.ts';

const signal = new AbortController().signal;

let root: string;
let loop: string | undefined;
let agent: KeptVolumes;
let found: PersistentVolume['spec'];
let claimed: PersistentVolumeClaim['spec'];

function start(): KeptVolumes {
  const claims = {
    claim: async (namespace: string, name: string): Promise<PersistentVolumeClaim> => ({
      metadata: {name, namespace, uid: 'c-1', resourceVersion: '1'},
      spec: {volumeName: 'pv-1', ...claimed},
      status: {phase: 'Bound'},
    }),
    volume: async (name: string): Promise<PersistentVolume> => ({
      metadata: {name, uid: 'v-1', resourceVersion: '1', annotations: {'pv.beta.kubernetes.io/gid': '777'}},
      spec: {claimRef: {uid: 'c-1'}, ...found},
    }),
  };
  const objects = {configMaps: new Map(), secrets: new Map()};
  return keepVolumes(volumeContext(root, objects, {claims}), realClock, silent);
}

beforeEach(async () => {
  root = await fs.mkdtemp(join(tmpdir(), 'volumes-persistent-'));
  await fs.mkdir(join(root, 'disk'));
  found = {local: {path: join(root, 'disk')}};
  claimed = {};
  agent = start();
});
afterEach(async () => {
  agent.stop();
  for (const point of mountsAtOrBelow(await readMounts(), root)) execFileSync('umount', [point]);
  if (loop !== undefined) execFileSync('losetup', ['-d', loop]);
  loop = undefined;
  await fs.rm(root, {recursive: true});
});

const claiming = (uid = 'u-1', readOnly = false, spec: Partial<Pod['spec']> = {}): Pod =>
  mountingPod(
    {volumes: [{name: 'v', persistentVolumeClaim: {claimName: 'data', readOnly}}], ...spec},
    {uid, name: uid},
  );
const mapping = (uid = 'u-1', readOnly = false): Pod =>
  claiming(uid, readOnly, {
    containers: [container({volumeDevices: [{name: 'v', devicePath: '/dev/xvda'}]})],
  });
const place = (uid = 'u-1'): string => join(root, 'pods', uid, 'volumes/kubernetes.io~local-volume/pv-1');
const globalMount = (): string => join(root, 'plugins/kubernetes.io/local-volume/mounts/pv-1');
const mounted = async (): Promise<string[]> => mountsAtOrBelow(await readMounts(), root).sort();

async function device(): Promise<string> {
  await fs.writeFile(join(root, 'image'), '');
  await fs.truncate(join(root, 'image'), 16 * 1024 * 1024);
  loop = execFileSync('losetup', ['-f', '--show', join(root, 'image')], {encoding: 'utf8'}).trim();
  return loop;
}

describe('a directory of this node', () => {
  it('is bound into its pods, once, and survives them', async () => {
    await fs.writeFile(join(root, 'disk/data'), 'precious');
    await agent.prepare(claiming('u-1'), signal);
    await agent.prepare(claiming('u-1'), signal);
    await agent.prepare(claiming('u-2'), signal);
    expect(await mounted()).toEqual([place('u-1'), place('u-2')]);
    expect(await fs.readFile(join(place(), 'data'), 'utf8')).toBe('precious');
    expect(agent.groups('u-1')).toEqual([777]);
    const [mount] = await agent.mounts(claiming(), claiming().spec.containers[0] ?? container(), []);
    expect(mount).toMatchObject({hostPath: place(), readonly: false});
    await agent.tearDown('u-1');
    expect(await mounted()).toEqual([place('u-2')]);
    await agent.tearDown('u-2');
    expect(await mounted()).toEqual([]);
    expect(await fs.readFile(join(root, 'disk/data'), 'utf8')).toBe('precious');
    expect(await fs.readdir(join(root, 'pods'))).toEqual([]);
  });

  it('cannot be written where the claim is read only, also when the bind was left half-made', async () => {
    await fs.mkdir(place(), {recursive: true});
    execFileSync('mount', ['--bind', join(root, 'disk'), place()]);
    await agent.prepare(claiming('u-1', true), signal);
    await expect(fs.writeFile(join(place(), 'x'), '')).rejects.toThrow('EROFS');
    const [mount] = await agent.mounts(
      claiming('u-1', true),
      claiming().spec.containers[0] ?? container(),
      [],
    );
    expect(mount?.readonly).toBe(true);
  });

  it('belongs to the fsGroup of its first pod, with its options', async () => {
    await fs.writeFile(join(root, 'disk/data'), '');
    found = {...found, mountOptions: ['noexec']};
    await agent.prepare(claiming('u-1', false, {securityContext: {fsGroup: 4321}}), signal);
    expect((await fs.stat(join(root, 'disk/data'))).gid).toBe(4321);
    expect((await readMounts()).find((m) => m.mountPoint === place())?.options).toContain('noexec');
    await agent.prepare(claiming('u-2', false, {securityContext: {fsGroup: 1}}), signal);
    expect((await fs.stat(join(root, 'disk/data'))).gid).toBe(4321);
  });

  it('is refused on other nodes, to a second pod, when it is missing, and as a device', async () => {
    const matchExpressions = [{key: 'kubernetes.io/hostname', operator: 'In', values: ['node-2']}];
    found = {...found, nodeAffinity: {required: {nodeSelectorTerms: [{matchExpressions}]}}};
    await expect(agent.prepare(claiming(), signal)).rejects.toThrow(
      'MountVolume.NodeAffinity check failed for volume "pv-1" : no matching NodeSelectorTerms',
    );
    found = {local: {path: join(root, 'disk')}, accessModes: ['ReadWriteOncePod']};
    await agent.prepare(claiming('u-1'), signal);
    await agent.prepare(claiming('u-1'), signal);
    await expect(agent.prepare(claiming('u-2'), signal)).rejects.toThrow(
      'MountVolume.SetUp failed for volume "pv-1" : volume uses the ReadWriteOncePod access mode and is already in use by another pod',
    );
    await agent.tearDown('u-1');
    await agent.prepare(claiming('u-2'), signal);
    found = {local: {path: join(root, 'none')}};
    await expect(agent.prepare(claiming('u-3'), signal)).rejects.toThrow(
      `MountVolume.NewMounter initialization failed for volume "pv-1" : path "${root}/none" does not exist`,
    );
    found = {local: {path: join(root, 'disk')}, volumeMode: 'Block'};
    await expect(agent.prepare(mapping('u-4'), signal)).rejects.toThrow(
      `MapVolume.MapBlockVolume failed for volume "pv-1" : ${root}/disk is not a block device`,
    );
  });
});

describe('a device of this node', () => {
  it('gets a file system once, is mounted once for all its pods, and is let go after the last', async () => {
    found = {local: {path: await device(), fsType: 'ext4'}};
    await agent.prepare(claiming('u-1'), signal);
    expect((await readMounts()).find((m) => m.mountPoint === globalMount())?.fsType).toBe('ext4');
    await fs.writeFile(join(place('u-1'), 'data'), 'kept');
    await agent.prepare(claiming('u-2'), signal);
    expect(await fs.readFile(join(place('u-2'), 'data'), 'utf8')).toBe('kept');
    await agent.tearDown('u-1');
    expect(await mounted()).toEqual([globalMount(), place('u-2')]);
    // Another life of the kubelet: nothing is remembered, all is seen.
    agent.stop();
    agent = start();
    expect(await agent.orphans(new Set())).toEqual(['u-2']);
    await agent.tearDown('u-2');
    expect(await mounted()).toEqual([]);
    await agent.prepare(claiming('u-3'), signal);
    expect(await fs.readFile(join(place('u-3'), 'data'), 'utf8')).toBe('kept');
  });

  it.each([[{}], [{fsType: ''}]])('gets ext4 where no kind is named: %j', async (kind) => {
    found = {local: {path: await device(), ...kind}};
    await agent.prepare(claiming('u-1'), signal);
    expect((await readMounts()).find((m) => m.mountPoint === globalMount())?.fsType).toBe('ext4');
  });

  it('with something else on it is not formatted', async () => {
    const path = await device();
    execFileSync('mkfs.ext4', ['-q', path]);
    found = {local: {path, fsType: 'xfs'}};
    await expect(agent.prepare(claiming(), signal)).rejects.toThrow(
      'MountVolume.MountDevice failed for volume "pv-1" : failed to mount the volume as "xfs", it already contains ext4',
    );
    await agent.tearDown('u-1');
    expect(await mounted()).toEqual([]);
    expect(execFileSync('blkid', ['-p', '-o', 'value', '-s', 'TYPE', path], {encoding: 'utf8'})).toBe(
      'ext4\n',
    );
  });

  it('is given whole where containers ask for it', async () => {
    const path = await device();
    found = {local: {path}, volumeMode: 'Block'};
    const of = mapping('u-1', true);
    await agent.prepare(of, signal);
    expect(agent.devices(of, of.spec.containers[0] ?? container())).toEqual([
      {containerPath: '/dev/xvda', hostPath: path, permissions: 'r'},
    ]);
    const link = join(root, 'pods/u-1/volumeDevices/kubernetes.io~local-volume/pv-1');
    expect(await fs.readlink(link)).toBe(path);
    expect((await agent.usage(of, signal)).get('v')).toEqual({capacityBytes: 16 * 1024 * 1024});
    await agent.tearDown('u-1');
    expect(await fs.readdir(join(root, 'pods'))).toEqual([]);
    expect((await fs.stat(path)).isBlockDevice()).toBe(true);
  });
});

describe('other sources of claims', () => {
  it('a host path takes no mount options', async () => {
    found = {hostPath: {path: join(root, 'disk'), type: 'Directory'}};
    await agent.prepare(claiming(), signal);
    expect(await mounted()).toEqual([]);
    found = {...found, mountOptions: ['ro']};
    await expect(agent.prepare(claiming('u-2'), signal)).rejects.toThrow(
      'MountVolume.MountOptionSupport check failed for volume "pv-1" : Mount options are not supported for this volume type',
    );
  });

  it('NFS says what it lacks, and a pod that never got it goes', async () => {
    found = {nfs: {server: '127.0.0.1', path: '/none'}, mountOptions: ['soft', 'timeo=1', 'retry=0']};
    await expect(agent.prepare(claiming(), signal)).rejects.toThrow(
      /MountVolume.SetUp failed for volume "pv-1" : .*(cannot mount NFS|mount\.nfs|mount -t nfs)/,
    );
    await agent.tearDown('u-1');
    expect(await fs.readdir(join(root, 'pods'))).toEqual([]);
  });

  it('of an unknown kind are refused', async () => {
    found = {rbd: {image: 'i', monitors: []}};
    await expect(agent.prepare(claiming(), signal)).rejects.toThrow('no volume plugin matched');
  });
});

it('tells how full volumes are: by walking, by the file system, or not at all', async () => {
  const of = mountingPod({
    volumes: [
      {name: 'disk', emptyDir: {}},
      {name: 'memory', emptyDir: {medium: 'Memory', sizeLimit: '1Mi'}},
      {name: 'v', persistentVolumeClaim: {claimName: 'data'}},
      {name: 'host', hostPath: {path: root}},
    ],
  });
  await agent.prepare(of, signal);
  const inside = (name: string) => join(root, 'pods/u-1/volumes/kubernetes.io~empty-dir', name);
  for (const name of ['disk', 'memory'])
    await fs.writeFile(join(inside(name), 'file'), Buffer.alloc(8192, 1));
  const usage = await agent.usage(of, signal);
  expect([...usage.keys()].sort()).toEqual(['disk', 'memory', 'v']);
  const {usedBytes = 0, inodesUsed, capacityBytes = 0} = usage.get('disk') ?? {};
  expect(usedBytes).toBeGreaterThanOrEqual(8192);
  expect(usedBytes).toBeLessThan(64 * 1024);
  expect(inodesUsed).toBe(2);
  expect(capacityBytes).toBeGreaterThan(1024 * 1024);
  expect(usage.get('memory')).toMatchObject({capacityBytes: 1024 * 1024, usedBytes: 8192, inodesUsed: 2});
  const {blocks, bsize} = await fs.statfs(root);
  expect(usage.get('v')?.capacityBytes).toBe(blocks * bsize);
});

describe('a teardown', () => {
  const of = mountingPod({volumes: [{name: 'm', emptyDir: {medium: 'Memory'}}]});
  const memory = (): string => join(root, 'pods/u-1/volumes/kubernetes.io~empty-dir/m');

  it('takes away what containers have mounted in a volume and over it', async () => {
    await agent.prepare(of, signal);
    await agent.prepare(claiming(), signal);
    await fs.writeFile(join(root, 'disk/data'), 'precious');
    await fs.mkdir(join(memory(), 'inner'));
    execFileSync('mount', ['--bind', join(root, 'disk'), join(memory(), 'inner')]);
    execFileSync('mount', ['-t', 'tmpfs', 'over', place()]);
    execFileSync('mount', ['-t', 'tmpfs', 'over', memory()]);
    await agent.tearDown('u-1');
    expect(await mounted()).toEqual([]);
    expect(await fs.readFile(join(root, 'disk/data'), 'utf8')).toBe('precious');
    expect(await fs.readdir(join(root, 'pods'))).toEqual([]);
  });

  it('fails while a volume is in use, keeps its content, and succeeds afterwards', async () => {
    await agent.prepare(of, signal);
    await fs.writeFile(join(memory(), 'f'), 'still here');
    const user = await fs.open(join(memory(), 'f'));
    await expect(agent.tearDown('u-1')).rejects.toThrow(/busy/);
    expect(await fs.readFile(join(memory(), 'f'), 'utf8')).toBe('still here');
    await user.close();
    await agent.tearDown('u-1');
    expect(await mounted()).toEqual([]);
  });
});

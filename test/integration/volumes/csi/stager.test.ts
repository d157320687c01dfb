import {execFileSync} from 'node:child_process';
import * as fs from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {createClient, createRouterTransport} from '@connectrpc/connect';
import {afterEach, beforeEach, expect, it} from 'vitest';
import {Node} from '../../../../src/edges/csi/gen/csi_pb.ts';
import type {KubeClient} from '../../../../src/edges/kube/client.ts';
import {mountsAtOrBelow, readMounts} from '../../../../src/edges/mounts/mounts.ts';
import type {AskedDriver} from '../../../../src/kubelet/volumes/csi/driver/calls.ts';
import {Capability} from '../../../../src/kubelet/volumes/csi/driver/capability.ts';
import {Inventory} from '../../../../src/kubelet/volumes/csi/driver/inventory.ts';
import {uniqueVolumeName} from '../../../../src/kubelet/volumes/csi/driver/names.ts';
import {stagedOnDisk} from '../../../../src/kubelet/volumes/csi/volume/on-disk.ts';
import {type CsiVolume, labelled} from '../../../../src/kubelet/volumes/csi/volume/source.ts';
import {Stager} from '../../../../src/kubelet/volumes/csi/volume/stager.ts';

let root: string;
let calls: string[];
let driver: AskedDriver;

const refuse = (): never => {
  throw new Error('not asked for');
};
const client: KubeClient = {
  request: refuse,
  get: refuse,
  list: refuse,
  create: refuse,
  update: refuse,
  patch: refuse,
  delete: refuse,
  watch: refuse,
};
const plain: CsiVolume = {
  driver: 'd',
  handle: 'h',
  uniqueName: uniqueVolumeName('d', 'h'),
  specName: 'pv',
  lifecycle: 'Persistent',
  block: false,
  readOnly: false,
  fsType: '',
  attributes: {},
  mountOptions: ['noatime'],
  accessModes: ['ReadWriteOncePod'],
  stageSecret: undefined,
  publishSecret: undefined,
  expandSecret: undefined,
  claim: undefined,
  persistentVolume: undefined,
};

beforeEach(async () => {
  root = await fs.mkdtemp(join(tmpdir(), 'volumes-stager-'));
  calls = [];
  const transport = createRouterTransport(({service}) => {
    service(Node, {
      nodeStageVolume({stagingTargetPath, volumeCapability}) {
        const access = volumeCapability?.accessType;
        calls.push(`stage ${access?.case === 'mount' ? access.value.mountFlags.join(' ') : ''}`);
        execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', stagingTargetPath]);
        return {};
      },
      nodeUnstageVolume({stagingTargetPath}) {
        calls.push('unstage');
        execFileSync('umount', [stagingTargetPath]);
        return {};
      },
    });
  });
  driver = {node: createClient(Node, transport), capabilities: new Set([Capability.STAGE_UNSTAGE_VOLUME])};
});
afterEach(async () => {
  for (const point of mountsAtOrBelow(await readMounts(), root)) execFileSync('umount', [point]);
  await fs.rm(root, {recursive: true});
});

const stager = () => new Stager({client, rootDir: root, nodeName: 'n', inventory: new Inventory()});
const ensure = (by: Stager, label?: string) =>
  by.ensure(driver, {
    volume: labelled(plain, label),
    publishContext: {},
    fsGroup: undefined,
    signal: undefined,
  });

it('stages a volume with one SELinux label at a time, and anew for a pod with another', async () => {
  const first = stager();
  const place = await ensure(first, 'one');
  await ensure(first, 'one');
  expect(calls).toEqual(['stage noatime context="one"']);
  expect(await stagedOnDisk(root)).toEqual([
    {
      driver: 'd',
      handle: 'h',
      uniqueName: plain.uniqueName,
      specName: undefined,
      directory: dirname(place),
      stagingPath: place,
      label: 'one',
    },
  ]);

  // The next kubelet, while a pod has it still.
  const next = stager();
  next.inherit(await stagedOnDisk(root));
  const used = join(root, 'pods/u/volumes/kubernetes.io~csi/pv/mount');
  await fs.mkdir(used, {recursive: true});
  execFileSync('mount', ['--bind', place, used]);
  await expect(ensure(next, 'two')).rejects.toThrow(
    `waiting for unmount of volume "${plain.uniqueName}", because it is already mounted to a different pod with a different SELinux label`,
  );
  expect(calls).toHaveLength(1);

  execFileSync('umount', [used]);
  expect(await ensure(next, 'two')).toBe(place);
  await ensure(next);
  expect(calls.slice(1)).toEqual(['unstage', 'stage noatime context="two"', 'unstage', 'stage noatime']);
  expect((await stagedOnDisk(root))[0]).not.toHaveProperty('label');
});

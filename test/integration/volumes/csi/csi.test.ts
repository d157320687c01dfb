import * as fs from 'node:fs/promises';
import {afterAll, beforeAll, expect, it} from 'vitest';
import {connectCsi} from '../../../../src/edges/csi/client.ts';
import {volumeUsage} from '../../../../src/kubelet/volumes/csi/driver/calls.ts';
import {capabilitiesOf} from '../../../../src/kubelet/volumes/csi/driver/capability.ts';
import {csiNodes, nodes} from '../../../../src/lib/resources.ts';
import {sleeper} from '../../kubelet/harness.ts';
import {nodeName} from '../../kubelet-node/fixture.ts';
import {until} from '../../support/wait.ts';
import {type CsiLab, startLab, type TestDriver} from './csi-lab.ts';

const driverName = 'hostpath.csi.test';
let lab: CsiLab;
let driver: TestDriver;

beforeAll(async () => {
  lab = await startLab();
  await lab.driverObject(driverName, {
    podInfoOnMount: true,
    volumeLifecycleModes: ['Persistent', 'Ephemeral'],
  });
  driver = await lab.driver({name: driverName, maxVolumes: 7, topology: {'topology.csi.test/zone': 'a'}});
});

afterAll(() => lab?.close());

const claimed = (name: string, readOnly = false) => ({
  name,
  persistentVolumeClaim: {claimName: name, readOnly},
});
const mounting = (volume: string, mountPath = '/data') =>
  sleeper('app', {volumeMounts: [{name: volume, mountPath}]});

it('notes a driver in the CSINode and in the Node', async () => {
  const {client} = lab.fixture.sandbox;
  const node = await client.get(nodes, {name: nodeName});
  const csiNode = await client.get(csiNodes, {name: nodeName});
  expect(csiNode.metadata.ownerReferences).toEqual([
    {apiVersion: 'v1', kind: 'Node', name: nodeName, uid: node.metadata.uid},
  ]);
  expect(csiNode.spec.drivers).toEqual([
    {
      name: driverName,
      nodeID: `id-of-${driverName}`,
      topologyKeys: ['topology.csi.test/zone'],
      allocatable: {count: 7},
    },
  ]);
  expect(node.metadata.labels?.['topology.csi.test/zone']).toBe('a');
  expect(node.metadata.annotations?.['csi.volume.kubernetes.io/nodeid']).toBe(
    JSON.stringify({[driverName]: `id-of-${driverName}`}),
  );
  // The driver is told after the API.
  await until(
    'the driver is told',
    async () => (await driver.calls('NotifyRegistrationStatus')).at(-1)?.request.pluginRegistered === true,
  );
});

it('stages a shared volume once, and unstages it after its last pod', async () => {
  await lab.volume('shared', {driver: driverName, handle: 'shared-1', accessMode: 'ReadWriteMany'});
  await lab.create('one', {containers: [mounting('shared')], volumes: [claimed('shared')]});
  await lab.create('two', {containers: [mounting('shared')], volumes: [claimed('shared')]});
  const {metadata} = await lab.running('one');
  await lab.running('two');
  await lab.exec('one', 'sh', '-c', 'echo hello > /data/f');
  expect(await lab.exec('two', 'cat', '/data/f')).toBe('hello\n');
  const staged = await driver.calls('NodeStageVolume', 'shared-1');
  expect(staged).toHaveLength(1);
  const stagingTargetPath = String(staged[0]?.request.stagingTargetPath);
  expect(stagingTargetPath).toMatch(
    new RegExp(`^${lab.root}/plugins/kubernetes.io/csi/${driverName}/[0-9a-f]{64}/globalmount$`),
  );
  const published = await driver.calls('NodePublishVolume', 'shared-1');
  expect(published.map(({request}) => request.targetPath)).toContain(
    `${lab.root}/pods/${metadata.uid}/volumes/kubernetes.io~csi/shared/mount`,
  );
  expect(published[0]?.request).toMatchObject({
    stagingTargetPath,
    volumeContext: {'csi.storage.k8s.io/ephemeral': 'false'},
    volumeCapability: {accessMode: {mode: 5}},
  });

  await lab.remove('one');
  await lab.gone('one');
  expect(await driver.calls('NodeUnpublishVolume', 'shared-1')).toHaveLength(1);
  expect(await lab.exec('two', 'cat', '/data/f')).toBe('hello\n');
  expect(await driver.calls('NodeUnstageVolume', 'shared-1')).toHaveLength(0);
  await lab.remove('two');
  await lab.gone('two');
  await until('it is unstaged', async () => (await driver.calls('NodeUnstageVolume', 'shared-1')).length > 0);
  await until('its place is gone', async () => !(await exists(stagingTargetPath)));
  expect(await fs.readFile(`${driver.options.dir}/volumes/shared-1/f`, 'utf8')).toBe('hello\n');
});

it('gives a volume of the pod itself, says so to the driver, and takes it back with the pod', async () => {
  const inline = {name: 'own', csi: {driver: driverName, volumeAttributes: {size: 'small'}}};
  await lab.create('inline', {containers: [mounting('own')], volumes: [inline]});
  const {metadata} = await lab.running('inline');
  const [publish] = (await driver.calls('NodePublishVolume')).slice(-1);
  expect(publish?.request).toMatchObject({
    volumeContext: {
      size: 'small',
      'csi.storage.k8s.io/ephemeral': 'true',
      'csi.storage.k8s.io/pod.name': 'inline',
      'csi.storage.k8s.io/pod.namespace': 'default',
      'csi.storage.k8s.io/pod.uid': metadata.uid,
      'csi.storage.k8s.io/serviceAccount.name': 'default',
    },
    targetPath: `${lab.root}/pods/${metadata.uid}/volumes/kubernetes.io~csi/own/mount`,
  });
  expect(String(publish?.request.volumeId)).toMatch(/^csi-[0-9a-f]{64}$/);
  expect(await driver.calls('NodeStageVolume', String(publish?.request.volumeId))).toEqual([]);
  await lab.remove('inline');
  await lab.gone('inline');
  expect(await driver.calls('NodeUnpublishVolume', String(publish?.request.volumeId))).toHaveLength(1);
});

it('gives the volume to the group, once it is written by one pod, and keeps a read-only one so', async () => {
  await lab.volume('grouped', {driver: driverName, handle: 'grouped-1'});
  await lab.create('group', {
    securityContext: {fsGroup: 4321, runAsUser: 1000, runAsGroup: 1000},
    containers: [mounting('grouped')],
    volumes: [claimed('grouped')],
  });
  await lab.running('group');
  expect(await lab.exec('group', 'sh', '-c', 'echo x > /data/f && stat -c %g /data /data/f')).toBe(
    '4321\n4321\n',
  );
  await lab.create('reader', {containers: [mounting('grouped')], volumes: [claimed('grouped', true)]});
  await lab.running('reader');
  expect(await lab.exec('reader', 'sh', '-c', 'cat /data/f; echo y > /data/f')).toMatch(/^x\n.*Read-only/);
  await lab.remove('group', 'reader');
  await lab.gone('group', 'reader');
});

it('gives a device, links it where Kubernetes does, and takes it back', async () => {
  await lab.volume('raw', {driver: driverName, handle: 'raw-1', volumeMode: 'Block'});
  const app = sleeper('app', {volumeDevices: [{name: 'raw', devicePath: '/dev/raw'}]});
  await lab.create('block', {containers: [app], volumes: [claimed('raw')]});
  const {metadata} = await lab.running('block');
  await lab.exec('block', 'sh', '-c', 'printf block | dd of=/dev/raw conv=notrunc');
  expect(await lab.exec('block', 'sh', '-c', 'dd if=/dev/raw bs=5 count=1 2>/dev/null')).toBe('block');
  const root = `${lab.root}/plugins/kubernetes.io/csi/volumeDevices`;
  const link = `${lab.root}/pods/${metadata.uid}/volumeDevices/kubernetes.io~csi/raw`;
  expect(await fs.readlink(link)).toBe(`${root}/publish/raw/${metadata.uid}`);
  expect((await driver.calls('NodeStageVolume', 'raw-1'))[0]?.request).toMatchObject({
    stagingTargetPath: `${root}/staging/raw`,
  });
  expect(JSON.parse(await fs.readFile(`${root}/raw/data/vol_data.json`, 'utf8'))).toMatchObject({
    driverName,
    volumeHandle: 'raw-1',
    specVolID: 'raw',
  });
  await lab.remove('block');
  await lab.gone('block');
  await until('it is unstaged', async () => (await driver.calls('NodeUnstageVolume', 'raw-1')).length > 0);
  await until('its places are gone', async () => !(await exists(`${root}/raw`)));
});

it('measures volumes by their driver', async () => {
  const {node, close} = connectCsi(driver.options.socket);
  try {
    const capabilities = capabilitiesOf(await node.nodeGetCapabilities({}));
    expect(await volumeUsage({node, capabilities}, 'any', '/any', {})).toEqual({
      capacityBytes: 4096,
      availableBytes: 3072,
      usedBytes: 1024,
      inodes: 64,
      inodesFree: 60,
      inodesUsed: 4,
    });
  } finally {
    close();
  }
});

it('leaves nothing mounted', async () => {
  await until('no mounts of CSI', async () => (await lab.mounts()).length === 0);
});

async function exists(path: string): Promise<boolean> {
  return fs.lstat(path).then(
    () => true,
    () => false,
  );
}

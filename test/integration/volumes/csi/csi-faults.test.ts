import * as fs from 'node:fs/promises';
import {afterAll, beforeAll, expect, it} from 'vitest';
import {inlineHandle} from '../../../../src/kubelet/volumes/csi/driver/names.ts';
import {csiNodes, nodes} from '../../../../src/lib/resources.ts';
import {sleeper} from '../../kubelet/harness.ts';
import {nodeName} from '../../kubelet-node/fixture.ts';
import {until} from '../../support/wait.ts';
import {type CsiLab, startLab, type TestDriver} from './csi-lab.ts';

const driverName = 'faulty.csi.test';
let lab: CsiLab;
let driver: TestDriver;

beforeAll(async () => {
  lab = await startLab();
  await lab.driverObject(driverName, {volumeLifecycleModes: ['Persistent', 'Ephemeral']});
  driver = await lab.driver({name: driverName});
});

afterAll(() => lab?.close());

const claimed = (name: string) => ({name, persistentVolumeClaim: {claimName: name}});
const pod = (volume: string) => ({
  containers: [sleeper('app', {volumeMounts: [{name: volume, mountPath: '/data'}]})],
  volumes: [claimed(volume)],
});

async function made(name: string): Promise<void> {
  await lab.volume(name, {driver: driverName, handle: name});
  await lab.create(name, pod(name));
}

async function unstaged(name: string): Promise<void> {
  await until(`${name} is unstaged`, async () => (await driver.calls('NodeUnstageVolume', name)).length > 0, {
    instead: () => lab.kubelet().output().slice(-3000),
  });
}

it('tells what the driver refused, tries again, and owes it nothing', async () => {
  await driver.control({NodeStageVolume: {how: 'fail', when: 'before', code: 'InvalidArgument'}});
  await made('refused');
  await until('the pod says so', async () => (await lab.told('refused', 'FailedMount')).length > 0);
  expect((await lab.told('refused', 'FailedMount'))[0]).toBe(
    'MountVolume.MountDevice failed for volume "refused" : rpc error: code = InvalidArgument desc = told to fail',
  );
  await lab.remove('refused');
  await lab.gone('refused');
  expect(await driver.calls('NodeUnstageVolume', 'refused')).toEqual([]);
  expect(await driver.calls('NodeUnpublishVolume', 'refused')).toEqual([]);

  await driver.control({NodePublishVolume: {how: 'fail', when: 'before'}});
  await made('later');
  await until('the pod says so', async () => (await lab.told('later', 'FailedMount')).length > 0);
  expect((await lab.told('later', 'FailedMount'))[0]).toBe(
    'MountVolume.SetUp failed for volume "later" : rpc error: code = Internal desc = told to fail',
  );
  await driver.control({});
  await lab.running('later');
  // It was staged by the first try.
  expect(await driver.calls('NodeStageVolume', 'later')).toHaveLength(1);
  await lab.remove('later');
  await lab.gone('later');
  await unstaged('later');
});

it('undoes what may have been done when the answer never came', async () => {
  await driver.control({NodeStageVolume: {how: 'fail', when: 'after', code: 'DeadlineExceeded'}});
  await made('late');
  await until('the pod says so', async () => (await lab.told('late', 'FailedMount')).length > 0);
  await lab.remove('late');
  await lab.gone('late');
  await unstaged('late');

  await driver.control({NodePublishVolume: {how: 'hang', when: 'after'}});
  await made('hung');
  await until('it is asked', async () => (await driver.calls('NodePublishVolume', 'hung')).length > 0);
  // The pod goes although the driver never answers.
  await lab.remove('hung');
  await lab.gone('hung');
  expect(await driver.calls('NodeUnpublishVolume', 'hung')).toHaveLength(1);
  await driver.control({});
  await unstaged('hung');
  await until('nothing is mounted', async () => (await lab.mounts()).length === 0);
});

it('asks a driver that cannot unstage later and later, however many pods come and go', async () => {
  await driver.control({NodeUnstageVolume: {how: 'fail', when: 'before'}});
  for (const name of ['first', 'second', 'third', 'fourth']) {
    await made(name);
    await lab.running(name);
    await lab.remove(name);
    await lab.gone(name);
    await until('it is asked', async () => (await driver.calls('NodeUnstageVolume', name)).length > 0);
  }
  await until('it is asked again', async () => {
    const calls = await driver.calls('NodeUnstageVolume', 'first');
    return calls.length > 2;
  });
  const refusals = new Map<string, {time: string; retryInMs: number}[]>();
  for (const line of lab.kubelet().output().split('\n')) {
    if (!line.includes('could not be unstaged')) continue;
    const entry: {directory: string; time: string; retryInMs: number} = JSON.parse(line);
    refusals.set(entry.directory, [...(refusals.get(entry.directory) ?? []), entry]);
  }
  for (const tries of refusals.values())
    for (const [index, {time, retryInMs}] of tries.slice(0, -1).entries())
      expect(Date.parse(tries[index + 1]?.time ?? '') - Date.parse(time)).toBeGreaterThan(retryInMs - 50);
  await driver.control({});
  await until('nothing is mounted', async () => (await lab.mounts()).length === 0);
});

it('goes on when its driver is killed in the middle and comes back', async () => {
  await driver.control({NodeStageVolume: {how: 'die', when: 'after'}});
  await made('killed');
  await until('the pod says so', async () => (await lab.told('killed', 'FailedMount')).length > 0);
  await driver.control({});
  await driver.start();
  await lab.running('killed');
  expect((await driver.calls('NotifyRegistrationStatus')).length).toBeGreaterThan(1);

  await driver.control({NodeUnpublishVolume: {how: 'die', when: 'before'}});
  await lab.remove('killed');
  await until('it died', async () => (await driver.calls('NodeUnpublishVolume', 'killed')).length > 0);
  await driver.control({});
  await driver.start();
  await lab.gone('killed');
  await unstaged('killed');
});

it('waits for a driver that is not there yet, and says so', async () => {
  await lab.volume('early', {driver: 'late.csi.test', handle: 'early'});
  await lab.driverObject('late.csi.test', {});
  await lab.create('early', pod('early'));
  await until('the pod says so', async () => (await lab.told('early', 'FailedMount')).length > 0);
  expect((await lab.told('early', 'FailedMount'))[0]).toBe(
    'MountVolume.MountDevice failed for volume "early" : kubernetes.io/csi: attacher.MountDevice failed to create newCsiDriverClient: driver name late.csi.test not found in the list of registered CSI drivers',
  );
  const late = await lab.driver({name: 'late.csi.test'});
  await lab.running('early');
  await lab.remove('early');
  await lab.gone('early');
  await until('it is unstaged', async () => (await late.calls('NodeUnstageVolume')).length > 0);
  // The driver notes what it is asked before it does it.
  await until('nothing of it is mounted', async () => (await lab.mounts()).length === 0);

  await late.leave();
  const {client} = lab.fixture.sandbox;
  await until('it has left the CSINode', async () => {
    const {spec} = await client.get(csiNodes, {name: nodeName});
    return spec.drivers?.map(({name}) => name).join() === driverName;
  });
  const ids = async () =>
    (await client.get(nodes, {name: nodeName})).metadata.annotations?.['csi.volume.kubernetes.io/nodeid'];
  await until('it has left the Node', async () => (await ids())?.includes('late.csi.test') === false);
});

it('takes over from a kubelet that was killed, and takes away what it has left', async () => {
  await made('stays');
  await made('goes');
  await made('half');
  await lab.volume('device', {driver: driverName, handle: 'device', volumeMode: 'Block'});
  const device = sleeper('app', {volumeDevices: [{name: 'device', devicePath: '/dev/raw'}]});
  await lab.create('device', {containers: [device], volumes: [claimed('device')]});
  await lab.create('own', {
    containers: [sleeper('app', {volumeMounts: [{name: 'own', mountPath: '/data'}]})],
    volumes: [{name: 'own', csi: {driver: driverName}}],
  });
  await Promise.all(['stays', 'goes', 'half', 'device', 'own'].map((name) => lab.running(name)));
  const inline = inlineHandle((await lab.get('own')).metadata.uid, 'own');
  await lab.exec('stays', 'sh', '-c', 'echo kept > /data/f');
  await driver.control({NodePublishVolume: {how: 'hang', when: 'after'}});
  await made('asked');
  await until('it is asked', async () => (await driver.calls('NodePublishVolume', 'asked')).length > 0);
  await lab.killKubelet();
  await driver.control({});
  for (const name of ['goes', 'asked', 'device', 'own']) await lab.forget(name);
  // What the dead kubelet knew of this one is lost; only the mount tells.
  const {metadata} = await lab.get('half');
  await fs.rm(`${lab.root}/pods/${metadata.uid}/volumes/kubernetes.io~csi/half/vol_data.json`);
  await lab.forget('half');

  await lab.startKubelet();
  for (const name of ['goes', 'asked', 'device', inline])
    await until(
      `${name} is taken away`,
      async () => (await driver.calls('NodeUnpublishVolume', name)).length > 0,
    );
  for (const name of ['goes', 'asked', 'half', 'device']) await unstaged(name);
  expect(await lab.exec('stays', 'cat', '/data/f')).toBe('kept\n');
  expect(await driver.calls('NodeUnpublishVolume', 'stays')).toEqual([]);
  await until('only one is mounted', async () => (await lab.mounts()).length === 2, {
    instead: async () => `${(await lab.mounts()).join('\n')}\n${lab.kubelet().output().slice(-4000)}`,
  });
  await lab.remove('stays');
  await lab.gone('stays');
  await unstaged('stays');
  await until('nothing is mounted', async () => (await lab.mounts()).length === 0);
});

it('waits for a busy volume and does not leave it behind', async () => {
  await made('busy');
  const {metadata} = await lab.running('busy');
  const held = await fs.open(
    `${lab.root}/pods/${metadata.uid}/volumes/kubernetes.io~csi/busy/mount/held`,
    'w',
  );
  await lab.remove('busy');
  await until(
    'the driver has tried',
    async () => (await driver.calls('NodeUnpublishVolume', 'busy')).length > 1,
  );
  expect((await lab.get('busy')).metadata.deletionTimestamp).toBeDefined();
  await held.close();
  await lab.gone('busy');
  await unstaged('busy');
});

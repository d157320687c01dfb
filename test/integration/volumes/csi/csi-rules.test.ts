import {afterAll, beforeAll, expect, it} from 'vitest';
import {attachmentName, uniqueVolumeName} from '../../../../src/kubelet/volumes/csi/driver/names.ts';
import type {Volume} from '../../../../src/lib/kubernetes.ts';
import {
  csiNodes,
  nodes,
  persistentVolumeClaims,
  persistentVolumes,
  secrets,
  volumeAttachments,
} from '../../../../src/lib/resources.ts';
import {sleeper} from '../../kubelet/harness.ts';
import {nodeName} from '../../kubelet-node/fixture.ts';
import {until} from '../../support/wait.ts';
import {type CsiLab, startLab, type TestDriver} from './csi-lab.ts';

const namespace = 'default';
let lab: CsiLab;
/** Its volumes are attached by a controller, which is this test. */
let attaching: TestDriver;
/** It does what it can do by itself. */
let able: TestDriver;

beforeAll(async () => {
  lab = await startLab('syncFrequency: 1s\n');
  await lab.driverObject('able.csi.test', {
    volumeLifecycleModes: ['Persistent', 'Ephemeral'],
    requiresRepublish: true,
    tokenRequests: [{audience: 'vault', expirationSeconds: 3600}],
    serviceAccountTokenInSecrets: true,
    fsGroupPolicy: 'File',
  });
  attaching = await lab.driver({name: 'attaching.csi.test', capabilities: ['STAGE_UNSTAGE_VOLUME']});
  able = await lab.driver({
    name: 'able.csi.test',
    capabilities: ['STAGE_UNSTAGE_VOLUME', 'EXPAND_VOLUME', 'VOLUME_MOUNT_GROUP', 'SINGLE_NODE_MULTI_WRITER'],
  });
});

afterAll(() => lab?.close());

const claimed = (name: string): Volume => ({name, persistentVolumeClaim: {claimName: name}});
const pod = (volume: Volume, security = {}) => ({
  securityContext: security,
  containers: [sleeper('app', {volumeMounts: [{name: volume.name, mountPath: '/data'}]})],
  volumes: [volume],
});

it('waits until a volume is attached, and says that it is in use before', async () => {
  const {client} = lab.fixture.sandbox;
  await lab.volume('attached', {driver: 'attaching.csi.test', handle: 'a-1'});
  await lab.create('attached', pod(claimed('attached')));
  const unique = uniqueVolumeName('attaching.csi.test', 'a-1');
  const inUse = async () => (await client.get(nodes, {name: nodeName})).status?.volumesInUse ?? [];
  await until('it is in use', async () => (await inUse()).includes(unique));
  expect(unique).toBe('kubernetes.io/csi/attaching.csi.test^a-1');
  expect(await attaching.calls('NodeStageVolume')).toEqual([]);
  await lab.waitFor(
    'attached',
    'it waits',
    ({status}) => status?.containerStatuses?.[0]?.state?.waiting?.reason === 'ContainerCreating',
  );

  const attachment = attachmentName('attaching.csi.test', 'a-1', nodeName);
  await client.create(volumeAttachments, {
    metadata: {name: attachment},
    spec: {attacher: 'attaching.csi.test', nodeName, source: {persistentVolumeName: 'attached'}},
  });
  const told = {attached: true, attachmentMetadata: {devicePath: '/dev/made-up'}};
  await client.patch(
    volumeAttachments,
    {name: attachment, subresource: 'status'},
    {type: 'merge', body: {status: told}},
  );
  const key = {name: nodeName, subresource: 'status'};
  const volumesAttached = [{name: unique, devicePath: ''}];
  await client.patch(nodes, key, {type: 'merge', body: {status: {volumesAttached}}});
  await lab.running('attached');
  expect(await lab.told('attached', 'FailedMount')).toEqual([]);
  expect((await attaching.calls('NodeStageVolume'))[0]?.request.publishContext).toEqual({
    devicePath: '/dev/made-up',
  });
  await lab.remove('attached');
  await lab.gone('attached');
  await until('it is no longer in use', async () => !(await inUse()).includes(unique));
  expect(await attaching.calls('NodeUnstageVolume')).toHaveLength(1);
});

it('gives up the use of a volume that never came', async () => {
  const {client} = lab.fixture.sandbox;
  await lab.volume('never', {driver: 'attaching.csi.test', handle: 'n-1'});
  await lab.create('never', pod(claimed('never')));
  const unique = uniqueVolumeName('attaching.csi.test', 'n-1');
  const inUse = async () => (await client.get(nodes, {name: nodeName})).status?.volumesInUse ?? [];
  await until('it is in use', async () => (await inUse()).includes(unique));
  await lab.remove('never');
  await lab.gone('never');
  await until('it is no longer in use', async () => !(await inUse()).includes(unique));
});

it('refuses a volume in the pod where the driver does not offer that', async () => {
  const inline = {name: 'own', csi: {driver: 'attaching.csi.test'}};
  await lab.create('inline', pod(inline));
  await until('the pod says so', async () => (await lab.told('inline', 'FailedMount')).length > 0);
  expect((await lab.told('inline', 'FailedMount'))[0]).toBe(
    'MountVolume.SetUp failed for volume "own" : kubernetes.io/csi: mounter.SetupAt failed to check volume lifecycle mode: volume mode "Ephemeral" not supported by driver attaching.csi.test (no CSIDriver object)',
  );
  await lab.remove('inline');
  await lab.gone('inline');
});

it('hands secrets, tokens, options and the group to the driver, and publishes again and again', async () => {
  const {client} = lab.fixture.sandbox;
  for (const name of ['stage', 'publish'])
    await client.create(secrets, {
      metadata: {name, namespace},
      data: {word: Buffer.from(name).toString('base64')},
    });
  await lab.volume('full', {
    driver: 'able.csi.test',
    handle: 'f-1',
    accessMode: 'ReadWriteOncePod',
    mountOptions: ['noatime'],
    csi: {
      fsType: 'xfs',
      volumeAttributes: {pool: 'fast'},
      nodeStageSecretRef: {name: 'stage', namespace},
      nodePublishSecretRef: {name: 'publish', namespace},
    },
  });
  await lab.create('full', pod(claimed('full'), {fsGroup: 77}));
  await lab.running('full');
  const capability = {
    // SINGLE_NODE_SINGLE_WRITER
    accessMode: {mode: 6},
    accessType: {case: 'mount', value: {fsType: 'xfs', mountFlags: ['noatime'], volumeMountGroup: '77'}},
  };
  expect((await able.calls('NodeStageVolume', 'f-1'))[0]?.request).toMatchObject({
    secrets: {word: 'stage'},
    volumeCapability: capability,
    volumeContext: {pool: 'fast'},
  });
  const [publish] = await able.calls('NodePublishVolume', 'f-1');
  expect(publish?.request).toMatchObject({volumeCapability: capability, volumeContext: {pool: 'fast'}});
  const words = new Map(Object.entries(Object(publish?.request.secrets)));
  expect(words.get('word')).toBe('publish');
  const tokens = JSON.parse(String(words.get('csi.storage.k8s.io/serviceAccount.tokens')));
  expect(tokens.vault.token).toMatch(/^ey/);
  expect(Date.parse(tokens.vault.expirationTimestamp)).toBeGreaterThan(Date.now());
  // The driver does it: nothing was given to the group by the kubelet.
  expect(await lab.exec('full', 'stat', '-c', '%g', '/data')).toBe('0\n');
  await until('it is published again', async () => (await able.calls('NodePublishVolume', 'f-1')).length > 2);
  expect(await able.calls('NodeStageVolume', 'f-1')).toHaveLength(1);

  await lab.create('second', pod(claimed('full')));
  await until('the pod says so', async () => (await lab.told('second', 'FailedMount')).length > 0);
  expect((await lab.told('second', 'FailedMount'))[0]).toBe(
    'MountVolume.SetUp failed for volume "full" : volume uses the ReadWriteOncePod access mode and is already in use by another pod',
  );
  await lab.remove('full');
  await lab.gone('full');
  await lab.running('second');
  await lab.remove('second');
  await lab.gone('second');
});

async function grow(name: string, status: object): Promise<void> {
  const {client} = lab.fixture.sandbox;
  await client.patch(persistentVolumes, {name}, {type: 'merge', body: {spec: {capacity: {storage: '2Gi'}}}});
  await client.patch(
    persistentVolumeClaims,
    {name, namespace, subresource: 'status'},
    {type: 'merge', body: {status}},
  );
}

it('expands a volume that has grown, while it is in use, and tells its claim', async () => {
  await lab.volume('grows', {driver: 'able.csi.test', handle: 'g-1'});
  await lab.create('grows', pod(claimed('grows')));
  await lab.running('grows');
  expect(await able.calls('NodeExpandVolume')).toEqual([]);
  await grow('grows', {
    allocatedResources: {storage: '2Gi'},
    allocatedResourceStatuses: {storage: 'NodeResizePending'},
    conditions: [
      {type: 'FileSystemResizePending', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z'},
      {type: 'Other', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z'},
    ],
  });
  await until(
    'the claim has grown',
    async () => (await lab.claim('grows')).status?.capacity?.storage === '2Gi',
  );
  const {status} = await lab.claim('grows');
  expect(status?.allocatedResourceStatuses?.storage).toBeUndefined();
  expect(status?.conditions?.map(({type}) => type)).toEqual(['Other']);
  const [call] = await able.calls('NodeExpandVolume', 'g-1');
  expect(call?.request).toMatchObject({capacityRange: {requiredBytes: String(2 * 2 ** 30)}});
  expect(String(call?.request.volumePath)).toMatch(/volumes\/kubernetes\.io~csi\/grows\/mount$/);
  expect(String(call?.request.stagingTargetPath)).toMatch(/globalmount$/);
  expect(await lab.told('grows', 'FileSystemResizeSuccessful')).toContain(
    `MountVolume.NodeExpandVolume succeeded for volume "grows" ${nodeName}`,
  );
  await lab.remove('grows');
  await lab.gone('grows');
});

it('says what cannot grow, and leaves it alone after that', async () => {
  await lab.volume('stuck', {driver: 'able.csi.test', handle: 's-1'});
  await lab.create('stuck', pod(claimed('stuck')));
  await lab.running('stuck');
  await able.control({NodeExpandVolume: {how: 'fail', when: 'before', code: 'OutOfRange'}});
  await grow('stuck', {
    allocatedResources: {storage: '2Gi'},
    allocatedResourceStatuses: {storage: 'NodeResizePending'},
  });
  await until(
    'the claim says so',
    async () =>
      (await lab.claim('stuck')).status?.allocatedResourceStatuses?.storage === 'NodeResizeInfeasible',
  );
  expect((await lab.claim('stuck')).status?.conditions).toMatchObject([
    {
      type: 'NodeResizeError',
      status: 'True',
      message:
        'failed to expand pvc with Expander.NodeExpand failed to expand the volume : rpc error: code = OutOfRange desc = told to fail',
    },
  ]);
  const published = (await able.calls('NodePublishVolume', 's-1')).length;
  await until(
    'it goes on',
    async () => (await able.calls('NodePublishVolume', 's-1')).length > published + 1,
  );
  expect(await able.calls('NodeExpandVolume', 's-1')).toHaveLength(1);
  await able.control({});
  await lab.remove('stuck');
  await lab.gone('stuck');
});

it('tells a driver why it cannot be registered', async () => {
  const refused = await lab.driver({name: 'future.csi.test', versions: ['2.0.0']});
  const answers = async () => (await refused.calls('NotifyRegistrationStatus')).map(({request}) => request);
  await until('it is told', async () => (await answers()).length > 0);
  expect((await answers())[0]).toMatchObject({
    error: expect.stringContaining('could not find a highest supported version'),
  });
  expect((await answers())[0]?.pluginRegistered).not.toBe(true);
});

it('says everything anew when the Node was deleted', async () => {
  const {client} = lab.fixture.sandbox;
  const before = await client.get(nodes, {name: nodeName});
  await client.delete(nodes, {name: nodeName});
  const node = await until('the Node is there again', async () => {
    const found = await client.get(nodes, {name: nodeName});
    return found.metadata.uid === before.metadata.uid ? undefined : found;
  });
  await until("the CSINode is that one's, with its drivers", async () => {
    const {metadata, spec} = await client.get(csiNodes, {name: nodeName});
    return metadata.ownerReferences?.[0]?.uid === node.metadata.uid && spec.drivers?.length === 2;
  });
});

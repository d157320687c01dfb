import {Code, ConnectError} from '@connectrpc/connect';
import {describe, expect, it} from 'vitest';
import {isFinal, rpcMessage} from '../../../../src/edges/csi/client.ts';
import {VolumeCapability_AccessMode_Mode as Mode} from '../../../../src/edges/csi/gen/csi_pb.ts';
import {referencesOf} from '../../../../src/edges/mounts/mount-references.ts';
import {accessMode, Capability} from '../../../../src/kubelet/volumes/csi/driver/capability.ts';
import {checkLifecycle, givesToGroup} from '../../../../src/kubelet/volumes/csi/driver/driver-rules.ts';
import {Inventory} from '../../../../src/kubelet/volumes/csi/driver/inventory.ts';
import {
  attachmentName,
  blockPlaces,
  inlineHandle,
  stageDirectory,
  uniqueVolumeName,
} from '../../../../src/kubelet/volumes/csi/driver/names.ts';
import {compare, highestSupported} from '../../../../src/kubelet/volumes/csi/driver/version.ts';
import {attachmentFault} from '../../../../src/kubelet/volumes/csi/volume/attachments.ts';
import {type CsiVolume, csiVolume} from '../../../../src/kubelet/volumes/csi/volume/source.ts';
import {parseVolumeData} from '../../../../src/kubelet/volumes/csi/volume/volume-data.ts';
import type {VolumeRequest} from '../../../../src/kubelet/volumes/types.ts';
import type {CsiDriver} from '../../../../src/lib/kubernetes.ts';

const driverObject = (spec: Partial<CsiDriver['spec']>): CsiDriver => ({
  metadata: {name: 'd', uid: 'u', resourceVersion: '1'},
  spec,
});

describe('names', () => {
  it('are those of Kubernetes', () => {
    // pkg/volume/csi's own tests: sha256 of the handle, and of handle, driver and node.
    expect(uniqueVolumeName('d', 'h')).toBe('kubernetes.io/csi/d^h');
    expect(stageDirectory('/r', 'd', 'abc')).toBe(
      '/r/plugins/kubernetes.io/csi/d/ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
    expect(attachmentName('b', 'a', 'c')).toBe(
      'csi-ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
    expect(inlineHandle('ab', 'c')).toBe(
      'csi-ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
    expect(blockPlaces('/r', 'pv')).toEqual({
      directory: '/r/plugins/kubernetes.io/csi/volumeDevices/pv',
      staging: '/r/plugins/kubernetes.io/csi/volumeDevices/staging/pv',
      publish: '/r/plugins/kubernetes.io/csi/volumeDevices/publish/pv',
    });
  });
});

describe('vol_data.json', () => {
  it('is read as another kubelet has written it', () => {
    const text =
      '{"attachmentID":"csi-1","driverName":"d","nodeName":"n","specVolID":"pv","volumeHandle":"h","volumeLifecycleMode":"Ephemeral"}\n';
    expect(parseVolumeData(text)).toEqual({
      driverName: 'd',
      volumeHandle: 'h',
      specVolID: 'pv',
      volumeLifecycleMode: 'Ephemeral',
    });
  });

  it.each([
    undefined,
    '',
    '{',
    'null',
    '[]',
    '{}',
    '{"driverName":"d"}',
    '{"driverName":1,"volumeHandle":"h"}',
  ])('says nothing where it is %s', (text) => {
    expect(parseVolumeData(text)).toBeUndefined();
  });
});

describe('access modes', () => {
  it.each([
    ['ReadWriteOnce', Mode.SINGLE_NODE_WRITER, Mode.SINGLE_NODE_MULTI_WRITER],
    ['ReadWriteOncePod', Mode.SINGLE_NODE_WRITER, Mode.SINGLE_NODE_SINGLE_WRITER],
    ['ReadOnlyMany', Mode.MULTI_NODE_READER_ONLY, Mode.MULTI_NODE_READER_ONLY],
    ['ReadWriteMany', Mode.MULTI_NODE_MULTI_WRITER, Mode.MULTI_NODE_MULTI_WRITER],
    ['other', Mode.UNKNOWN, Mode.UNKNOWN],
  ])('%s', (mode, plain, apart) => {
    expect(accessMode(mode, new Set())).toBe(plain);
    expect(accessMode(mode, new Set([Capability.SINGLE_NODE_MULTI_WRITER]))).toBe(apart);
  });
});

describe('a volume', () => {
  const base: Omit<VolumeRequest, 'volume' | 'specName' | 'persistent' | 'context'> = {
    pod: {metadata: {name: 'p', namespace: 'ns', uid: 'u', resourceVersion: '1'}, spec: {containers: []}},
    mode: 'Filesystem',
    readOnly: false,
    directory: '/x',
    signal: undefined,
  };
  const context: VolumeRequest['context'] = Object.create(null);

  it('of the pod itself lives with the pod, with secrets of its namespace', () => {
    const csi = {driver: 'd', readOnly: true, fsType: 'xfs', nodePublishSecretRef: {name: 's'}};
    const volume = {name: 'v', csi};
    expect(csiVolume({...base, context, volume, specName: 'v', persistent: undefined})).toMatchObject({
      driver: 'd',
      handle: inlineHandle('u', 'v'),
      lifecycle: 'Ephemeral',
      readOnly: true,
      fsType: 'xfs',
      publishSecret: {namespace: 'ns', name: 's'},
      stageSecret: undefined,
    });
  });

  it('without a source is refused', () => {
    expect(() =>
      csiVolume({...base, context, volume: {name: 'v'}, specName: 'v', persistent: undefined}),
    ).toThrow('volume source not found');
  });
});

describe('the rules of a driver', () => {
  const volume: CsiVolume = {
    driver: 'd',
    handle: 'h',
    uniqueName: uniqueVolumeName('d', 'h'),
    specName: 'pv',
    lifecycle: 'Persistent',
    block: false,
    readOnly: false,
    fsType: 'ext4',
    attributes: {},
    mountOptions: [],
    accessModes: ['ReadWriteOnce'],
    stageSecret: undefined,
    publishSecret: undefined,
    expandSecret: undefined,
    claim: undefined,
    persistentVolume: undefined,
  };
  const wish = {fsGroup: 7, delegated: false};

  it.each<[string, boolean, Partial<CsiVolume>, CsiDriver | undefined, Partial<typeof wish>]>([
    ['one that is written by one node', true, {}, undefined, {}],
    ['one for one pod', true, {accessModes: ['ReadWriteOncePod']}, undefined, {}],
    ['nothing without a group', false, {}, undefined, {fsGroup: undefined}],
    ['nothing that the driver does itself', false, {}, undefined, {delegated: true}],
    ['nothing that is read only', false, {readOnly: true}, undefined, {}],
    ['no device', false, {block: true}, undefined, {}],
    ['nothing without a file system type', false, {fsType: ''}, undefined, {}],
    ['nothing that many write', false, {accessModes: ['ReadWriteMany']}, undefined, {}],
    ['nothing that says no access modes', false, {accessModes: undefined}, undefined, {}],
    ['one of the pod itself', true, {lifecycle: 'Ephemeral', accessModes: undefined}, undefined, {}],
    ['nothing where the policy is None', false, {}, driverObject({fsGroupPolicy: 'None'}), {}],
    [
      'all where the policy is File',
      true,
      {fsType: '', accessModes: ['ReadWriteMany']},
      driverObject({fsGroupPolicy: 'File'}),
      {},
    ],
  ])('gives to the group: %s', (_what, gives, change, object, wished) => {
    expect(givesToGroup({...volume, ...change}, object, {...wish, ...wished})).toBe(gives);
  });

  it('says which ways of life a driver offers', () => {
    const inline: CsiVolume = {...volume, lifecycle: 'Ephemeral'};
    expect(() => checkLifecycle(volume, undefined)).not.toThrow();
    expect(() => checkLifecycle(inline, undefined)).toThrow('(no CSIDriver object)');
    expect(() => checkLifecycle(inline, driverObject({}))).toThrow('(only supports ["Persistent"])');
    expect(() => checkLifecycle(volume, driverObject({volumeLifecycleModes: ['Ephemeral']}))).toThrow(
      '(only supports ["Ephemeral"])',
    );
  });
});

describe('versions of a driver', () => {
  it('are any 1.x, the highest of them', () => {
    expect(highestSupported(['1.0.0', 'v1.10', '1.9.0'])).toEqual([1, 10]);
    expect(highestSupported(['2.0.0', '1.0.0'])).toEqual([1, 0, 0]);
    expect(() => highestSupported(['0.3.0'])).toThrow('must be v1.x');
    expect(() => highestSupported(['2.0', 'new'])).toThrow('could not find');
    expect(compare([1, 2], [1, 2, 0])).toBe(0);
  });
});

describe('a failed call', () => {
  const wire = (code: Code): ConnectError => Object.assign(new ConnectError('no', code), {isWireError: true});

  it('is over only when the driver has said so', () => {
    expect(isFinal(wire(Code.Internal))).toBe(true);
    expect(isFinal(wire(Code.InvalidArgument))).toBe(true);
    for (const code of [
      Code.Canceled,
      Code.DeadlineExceeded,
      Code.Unavailable,
      Code.ResourceExhausted,
      Code.Aborted,
    ])
      expect(isFinal(wire(code))).toBe(false);
    // A connection that broke: what the driver has done is not known, whatever the code.
    expect(isFinal(new ConnectError('missing status', Code.Internal))).toBe(false);
    expect(isFinal(new Error('no driver'))).toBe(false);
  });

  it('is told in the words of grpc-go', () => {
    expect(rpcMessage(wire(Code.NotFound))).toBe('rpc error: code = NotFound desc = no');
    expect(rpcMessage(new Error('plain'))).toBe('plain');
  });
});

describe('an attachment', () => {
  const metadata = {name: 'csi-1', uid: 'u', resourceVersion: '1'};
  it.each([
    [undefined, {metadata, status: {attached: true}}],
    [
      'volume attachment is being deleted',
      {metadata: {...metadata, deletionTimestamp: 'x'}, status: {attached: true}},
    ],
    ['no room', {metadata, status: {attached: false, attachError: {message: 'no room'}}}],
    ['volume h is not attached for volume attachment csi-1', {metadata}],
  ])('%s', (fault, attachment) => {
    expect(attachmentFault(attachment, 'h')).toBe(fault);
  });
});

describe('the inventory', () => {
  it('keeps a volume in use until its last pod has left and it is unstaged', () => {
    const inventory = new Inventory();
    expect(inventory.use('v', 'd', 'one')).toBe(true);
    expect(inventory.use('v', 'd', 'two')).toBe(false);
    inventory.setStaged('v', 'd', true);
    inventory.leave('v', 'one');
    expect(inventory.isUsed('v')).toBe(true);
    inventory.leave('v', 'two');
    expect(inventory.isUsed('v')).toBe(false);
    expect(inventory.inUse(() => true)).toEqual(['v']);
    expect(inventory.inUse(() => false)).toEqual([]);
    inventory.setStaged('v', 'd', false);
    expect(inventory.inUse(() => true)).toEqual([]);
  });
});

describe('mount references', () => {
  const mountinfo = [
    '20 1 8:1 / / rw - ext4 /dev/sda1 rw',
    '30 20 8:16 / /r/globalmount rw - ext4 /dev/sdb rw',
    '31 20 8:16 / /r/pods/u\\040x/mount rw - ext4 /dev/sdb rw',
    '32 20 8:16 /sub /r/elsewhere rw - ext4 /dev/sdb rw',
  ].join('\n');

  it('are the other mounts of the same thing', () => {
    expect(referencesOf(mountinfo, '/r/globalmount')).toEqual(['/r/pods/u x/mount']);
    expect(referencesOf(mountinfo, '/r/nothing')).toEqual([]);
  });
});

import {describe, expect, it} from 'vitest';
import {
  bindingFault,
  claimFault,
  isForOnePod,
  isReachable,
  isUsed,
  resolveVolume,
  volumeUses,
} from '../../../src/kubelet/volumes/resolve.ts';
import type {PersistentVolume, PersistentVolumeClaim, Pod, Volume} from '../../../src/lib/kubernetes.ts';
import {container, pod} from '../kubelet/pod-config/pods.ts';

type ClaimFields = {metadata?: object; spec?: object; status?: object};

function claim({metadata, spec, status}: ClaimFields = {}): PersistentVolumeClaim {
  return {
    metadata: {name: 'data', namespace: 'shop', uid: 'c-1', resourceVersion: '1', ...metadata},
    spec: {volumeName: 'pv-1', ...spec},
    status: {phase: 'Bound', ...status},
  };
}

function volume(spec: Partial<PersistentVolume['spec']> = {}): PersistentVolume {
  return {
    metadata: {name: 'pv-1', uid: 'v-1', resourceVersion: '1'},
    spec: {claimRef: {name: 'data', namespace: 'shop', uid: 'c-1'}, ...spec},
  };
}

const named: Volume = {name: 'v', persistentVolumeClaim: {claimName: 'data', readOnly: true}};
const ephemeral: Volume = {name: 'v', ephemeral: {volumeClaimTemplate: {spec: {}}}};
const mounting = [container({volumeMounts: [{name: 'v', mountPath: '/v'}]})];
const mapping = [container({volumeDevices: [{name: 'v', devicePath: '/dev/v'}]})];
const told = (why: string) =>
  `Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[], failed to process volumes=[v]: ${why}`;

type Api = {claim?: PersistentVolumeClaim; volume?: PersistentVolume; pod?: Pod; entry?: Volume};

async function resolved(api: Api = {}) {
  const entry = api.entry ?? named;
  const of = api.pod ?? pod({containers: mounting, volumes: [entry]});
  return resolveVolume(of, entry, {
    claims: {
      claim: async (_namespace, name) => {
        if (api.claim === undefined) throw new Error(`persistentvolumeclaims "${name}" not found`);
        return api.claim;
      },
      volume: async (name) => {
        if (api.volume === undefined) throw new Error(`persistentvolumes "${name}" not found`);
        return api.volume;
      },
    },
  });
}

describe('a claim', () => {
  it('leads to what it is bound to', async () => {
    const found = await resolved({claim: claim(), volume: volume()});
    expect(found).toMatchObject({specName: 'pv-1', mode: 'Filesystem', readOnly: true});
    expect(found.persistent?.volume.metadata.uid).toBe('v-1');
  });

  it('leads to the driver of a kind that was once built in', async () => {
    const old = volume({awsElasticBlockStore: {volumeID: 'aws://a/vol-1'}});
    const found = await resolved({claim: claim(), volume: old});
    expect(found.persistent?.volume.spec.csi).toMatchObject({
      driver: 'ebs.csi.aws.com',
      volumeHandle: 'vol-1',
    });
    expect(found.specName).toBe('pv-1');
    const wrong = volume({awsElasticBlockStore: {volumeID: 'aws://a/b'}});
    await expect(resolved({claim: claim(), volume: wrong})).rejects.toThrow('Invalid format for AWS volume');
  });

  it('is not needed where the pod names a disk of such a kind itself', async () => {
    const diskURI = '/subscriptions/s/disks/d';
    const entry: Volume = {name: 'v', azureDisk: {diskName: 'd', diskURI, readOnly: true}};
    const found = await resolved({entry});
    expect(found).toMatchObject({specName: '~subscriptions~s~disks~d', mode: 'Filesystem', readOnly: true});
    expect(found.persistent).toMatchObject({
      claim: undefined,
      migrated: true,
      volume: {spec: {csi: {driver: 'disk.csi.azure.com', volumeHandle: diskURI}}},
    });
    const wrong: Volume = {name: 'v', awsElasticBlockStore: {volumeID: 'aws://a/b'}};
    await expect(resolved({entry: wrong})).rejects.toThrow(
      told('failed to translate in-tree pv to CSI: failed to translate Kubernetes ID to EBS Volume ID'),
    );
  });

  it('is not looked for where the source is in the pod', async () => {
    const entry = {name: 'v', emptyDir: {}};
    expect(await resolved({entry})).toEqual({
      persistent: undefined,
      specName: 'v',
      mode: 'Filesystem',
      readOnly: false,
    });
  });

  it.each([
    ['is not there', {}, 'failed to fetch PVC from API server: persistentvolumeclaims "data" not found'],
    ['is not bound', {claim: claim({status: {phase: 'Pending'}})}, 'PVC is not bound'],
    ['is lost', {claim: claim({status: {phase: 'Lost'}})}, 'PVC is not bound'],
    ['names no volume', {claim: claim({spec: {volumeName: ''}})}, 'PVC has empty pvc.Spec.VolumeName'],
    [
      'is being deleted without protection',
      {claim: claim({metadata: {deletionTimestamp: 'now'}}), volume: volume()},
      'PVC is being deleted',
    ],
    [
      'has lost its volume',
      {claim: claim()},
      'failed to fetch PV pv-1 from API server: persistentvolumes "pv-1" not found',
    ],
    [
      'is not what the volume is bound to',
      {claim: claim(), volume: volume({claimRef: {uid: 'other'}})},
      'found PV object pv-1 but its pv.Spec.ClaimRef.UID other does not point to claim.UID c-1',
    ],
    [
      'has a volume that is not bound yet',
      {claim: claim(), volume: volume({claimRef: undefined})},
      'found PV object pv-1 but it has a nil pv.Spec.ClaimRef indicating it is not yet bound to the claim',
    ],
  ] satisfies [string, Api, string][])(
    'that %s is told in Kubernetes’ words, and waited for',
    async (_, api, why) => {
      const failure = resolved(api);
      await expect(failure).rejects.toThrow(told(`error processing PVC shop/data: ${why}`));
      await expect(failure).rejects.toMatchObject({waiting: true});
    },
  );

  it('that is protected goes on while it is deleted', () => {
    const metadata = {deletionTimestamp: 'now', finalizers: ['kubernetes.io/pvc-protection']};
    expect(claimFault(claim({metadata}))).toBeUndefined();
    expect(bindingFault(volume(), claim())).toBeUndefined();
  });
});

describe('a generic ephemeral volume', () => {
  const of = pod({containers: mounting, volumes: [ephemeral]});
  const own = {apiVersion: 'v1', kind: 'Pod', name: 'web', uid: 'u-1', controller: true};

  it('goes by the claim that was made for its pod', async () => {
    const metadata = {name: 'web-v', ownerReferences: [own]};
    const found = await resolved({entry: ephemeral, pod: of, claim: claim({metadata}), volume: volume()});
    expect(found).toMatchObject({specName: 'pv-1', readOnly: false});
  });

  it.each([
    ['nobody', []],
    ['another pod', [{...own, uid: 'u-2'}]],
    ['its pod, but not as its controller', [{...own, controller: false}]],
  ])('does not take a claim of %s', async (_, ownerReferences) => {
    const metadata = {name: 'web-v', ownerReferences};
    await expect(
      resolved({entry: ephemeral, pod: of, claim: claim({metadata}), volume: volume()}),
    ).rejects.toThrow(told('PVC shop/web-v was not created for pod shop/web (pod is not owner)'));
  });
});

describe('a volume’s mode', () => {
  const block = volume({volumeMode: 'Block'});

  it('is Block where containers ask for devices', async () => {
    const of = pod({containers: mapping, volumes: [named]});
    expect(await resolved({pod: of, claim: claim(), volume: block})).toMatchObject({mode: 'Block'});
  });

  it.each([
    [mounting, block, 'volume v has volumeMode Block, but is specified in volumeMounts'],
    [mapping, volume(), 'volume v has volumeMode Filesystem, but is specified in volumeDevices'],
  ])('must be what containers use it as', async (containers, found, why) => {
    const of = pod({containers, volumes: [named]});
    await expect(resolved({pod: of, claim: claim(), volume: found})).rejects.toThrow(told(why));
  });
});

describe('a persistent volume', () => {
  const node = (labels: Record<string, string>) => ({
    metadata: {name: 'node-1', uid: 'n', resourceVersion: '1', labels},
  });
  const required = (...hosts: string[]) => ({
    required: {
      nodeSelectorTerms: hosts.map((host) => ({
        matchExpressions: [{key: 'kubernetes.io/hostname', operator: 'In', values: [host]}],
      })),
    },
  });

  it('is for nodes with the labels that it asks for', () => {
    const here = node({'kubernetes.io/hostname': 'node-1'});
    expect(isReachable(volume(), here)).toBe(true);
    expect(isReachable(volume({nodeAffinity: required('node-1')}), here)).toBe(true);
    expect(isReachable(volume({nodeAffinity: required('node-2', 'node-1')}), here)).toBe(true);
    expect(isReachable(volume({nodeAffinity: required('node-2')}), here)).toBe(false);
    expect(isReachable(volume({nodeAffinity: required()}), here)).toBe(false);
  });

  it('is for one pod where ReadWriteOncePod is all that it allows', () => {
    expect(isForOnePod(volume({accessModes: ['ReadWriteOncePod']}))).toBe(true);
    expect(isForOnePod(volume({accessModes: ['ReadWriteOncePod', 'ReadWriteOnce']}))).toBe(false);
    expect(isForOnePod(volume({accessModes: ['ReadWriteOnce']}))).toBe(false);
    expect(isForOnePod(volume())).toBe(false);
  });
});

it('counts a volume as used whichever container uses it', () => {
  const mount = (name: string) => ({volumeMounts: [{name, mountPath: `/${name}`}]});
  const uses = volumeUses(
    pod({
      initContainers: [container(mount('init'))],
      containers: [container({...mount('app'), volumeDevices: [{name: 'disk', devicePath: '/dev/x'}]})],
      ephemeralContainers: [{name: 'debug', ...mount('debug')}],
    }),
  );
  const used = ['init', 'app', 'disk', 'debug', 'none'].filter((name) => isUsed({name}, uses));
  expect(used).toEqual(['init', 'app', 'disk', 'debug']);
});

import {describe, expect, it} from 'vitest';
import {migratedInline} from '../../../../src/kubelet/volumes/csi/driver/inline-migration.ts';
import {migrated} from '../../../../src/kubelet/volumes/csi/driver/migration.ts';
import type {PersistentVolume, Volume} from '../../../../src/lib/kubernetes.ts';

type Metadata = Partial<PersistentVolume['metadata']>;
const volume = (spec: PersistentVolume['spec'], metadata: Metadata = {}): PersistentVolume => ({
  metadata: {name: 'pv', uid: 'p', resourceVersion: '1', ...metadata},
  spec,
});
const csi = (...of: Parameters<typeof volume>) => migrated(volume(...of)).spec.csi;

/** By meaning, the cases of k8s.io/csi-translation-lib/plugins/*_test.go that a node meets. */
describe('a volume of a kind that was once built in is known to its driver', () => {
  it('on AWS', () => {
    const source = {volumeID: 'vol-1', fsType: 'ext4', partition: 3, readOnly: true};
    const expected = {
      driver: 'ebs.csi.aws.com',
      volumeHandle: 'vol-1',
      fsType: 'ext4',
      readOnly: true,
      volumeAttributes: {partition: '3'},
    };
    expect(csi({awsElasticBlockStore: source})).toEqual(expected);
    for (const volumeID of ['aws://us-east-1a/vol-1', 'aws:///vol-1'])
      expect(csi({awsElasticBlockStore: {...source, volumeID}})).toEqual(expected);
    expect(csi({awsElasticBlockStore: {volumeID: 'vol-1'}})?.volumeAttributes).toEqual({partition: '0'});
    for (const volumeID of ['aws://vol-1', 'aws:///disk-1', 'aws://a/vol-1/x'])
      expect(() => csi({awsElasticBlockStore: {volumeID}})).toThrow('Invalid format for AWS volume');
  });

  it('on GCE, zonal, regional and of no known zone', () => {
    const disk = (labels: Record<string, string>) =>
      csi({gcePersistentDisk: {pdName: 'd', fsType: 'ext4'}}, {labels})?.volumeHandle;
    expect(disk({})).toBe('projects/UNSPECIFIED/zones/UNSPECIFIED/disks/d');
    for (const label of ['topology.kubernetes.io/zone', 'failure-domain.beta.kubernetes.io/zone']) {
      expect(disk({[label]: 'us-east1-a'})).toBe('projects/UNSPECIFIED/zones/us-east1-a/disks/d');
      expect(disk({[label]: 'us-east1-a__us-east1-c'})).toBe('projects/UNSPECIFIED/regions/us-east1/disks/d');
      expect(() => disk({[label]: 'us-east1-a__us-west1-c'})).toThrow('failed to get region from zones');
    }
    const gcePersistentDisk = {pdName: 'd'};
    for (const [before, after] of [
      [['ReadOnlyMany'], ['ReadOnlyMany']],
      [['ReadOnlyMany', 'ReadWriteOnce'], ['ReadWriteOnce']],
      [['ReadWriteMany'], ['ReadWriteOnce']],
    ])
      expect(migrated(volume({gcePersistentDisk, accessModes: before})).spec.accessModes).toEqual(after);
  });

  it('on OpenStack', () =>
    expect(csi({cinder: {volumeID: 'c-1', fsType: 'xfs'}})).toEqual({
      driver: 'cinder.csi.openstack.org',
      volumeHandle: 'c-1',
      fsType: 'xfs',
      readOnly: false,
    }));

  it('on Azure, managed disks only', () => {
    const azureDisk = {diskName: 'd', diskURI: '/subscriptions/d', cachingMode: 'None', fsType: 'ext4'};
    expect(csi({azureDisk})).toEqual({
      driver: 'disk.csi.azure.com',
      volumeHandle: '/subscriptions/d',
      fsType: 'ext4',
      readOnly: false,
      volumeAttributes: {kind: 'Managed', cachingmode: 'None', fstype: 'ext4'},
    });
    expect(csi({azureDisk: {...azureDisk, kind: 'Managed'}})?.driver).toBe('disk.csi.azure.com');
    expect(() => csi({azureDisk: {...azureDisk, kind: 'Dedicated'}})).toThrow('kind(Dedicated)');
  });

  it('as a share of Azure, whose secret is where the volume or its claim says', () => {
    const azureFile = {secretName: 'azure-storage-account-acc-secret', shareName: 's'};
    const claimRef = {name: 'c', namespace: 'shop'};
    expect(csi({azureFile, claimRef})).toEqual({
      driver: 'file.csi.azure.com',
      volumeHandle: '#acc#s#pv#shop',
      readOnly: false,
      nodeStageSecretRef: {name: 'azure-storage-account-acc-secret', namespace: 'shop'},
      volumeAttributes: {sharename: 's'},
    });
    const annotations = {'kubernetes.io/azure-file-resource-group': 'rg'};
    const named = {secretName: 'mine', shareName: 's', secretNamespace: 'vault'};
    expect(csi({azureFile: named, claimRef}, {annotations})?.volumeHandle).toBe('rg#mine#s#pv#vault');
    expect(() => csi({azureFile})).toThrow('could not find a secret namespace');
  });

  it('on vSphere and with Portworx', () => {
    expect(csi({vsphereVolume: {volumePath: '[ds] a.vmdk', fsType: 'ext4', storagePolicyName: 'p'}})).toEqual(
      {
        driver: 'csi.vsphere.vmware.com',
        volumeHandle: '[ds] a.vmdk',
        fsType: 'ext4',
        volumeAttributes: {storagepolicyname: 'p'},
      },
    );
    const annotations = {
      'openstorage.io/auth-secret-name': 'n',
      'openstorage.io/auth-secret-namespace': 'ns',
    };
    const secret = {name: 'n', namespace: 'ns'};
    expect(csi({portworxVolume: {volumeID: 'w'}}, {annotations})).toEqual({
      driver: 'pxd.portworx.com',
      volumeHandle: 'w',
      nodeStageSecretRef: secret,
      nodePublishSecretRef: secret,
      nodeExpandSecretRef: secret,
    });
  });
});

it('is bound to zones as its driver names them', () => {
  const affinity = (key: string) => ({
    required: {nodeSelectorTerms: [{matchExpressions: [{key, operator: 'In', values: ['a']}]}]},
  });
  const awsElasticBlockStore = {volumeID: 'vol-1'};
  for (const key of ['topology.kubernetes.io/zone', 'failure-domain.beta.kubernetes.io/zone']) {
    const made = migrated(volume({awsElasticBlockStore, nodeAffinity: affinity(key)}));
    expect(made.spec.nodeAffinity).toEqual(affinity('topology.ebs.csi.aws.com/zone'));
  }
  const other = volume({awsElasticBlockStore, nodeAffinity: affinity('mine')});
  expect(migrated(other).spec.nodeAffinity).toEqual(affinity('mine'));
});

it('is left as it is where its kind needs no driver', () => {
  const local = volume({local: {path: '/disk'}});
  expect(migrated(local)).toBe(local);
});

/** By meaning, TranslateInTreeInlineVolumeToCSI of the same library. */
describe('a volume of such a kind that a pod names itself', () => {
  const once = ['ReadWriteOnce'];
  const disk = {diskName: 'd', diskURI: '/subscriptions/s/disks/d'};
  const cases: readonly (readonly [Omit<Volume, 'name'>, name: string, modes: string[], csi: object])[] = [
    [
      {awsElasticBlockStore: {volumeID: 'aws://us-east-1a/vol-1', fsType: 'xfs', readOnly: true}},
      'ebs.csi.aws.com-vol-1',
      once,
      {driver: 'ebs.csi.aws.com', volumeHandle: 'vol-1', fsType: 'xfs', readOnly: true},
    ],
    [
      {azureDisk: {...disk, cachingMode: 'None', fsType: 'ext4'}},
      disk.diskURI,
      once,
      {
        driver: 'disk.csi.azure.com',
        volumeHandle: disk.diskURI,
        volumeAttributes: {kind: 'Managed', cachingmode: 'None', fstype: 'ext4'},
      },
    ],
    [
      {azureFile: {secretName: 'azure-storage-account-acc-secret', shareName: 'share'}},
      '#acc#share#v#ns',
      ['ReadWriteMany'],
      {
        driver: 'file.csi.azure.com',
        volumeHandle: '#acc#share#v#ns',
        nodeStageSecretRef: {name: 'azure-storage-account-acc-secret', namespace: 'ns'},
        volumeAttributes: {sharename: 'share'},
      },
    ],
    [
      {cinder: {volumeID: 'c'}},
      'cinder.csi.openstack.org-c',
      once,
      {driver: 'cinder.csi.openstack.org', volumeHandle: 'c'},
    ],
    [
      {gcePersistentDisk: {pdName: 'pd', readOnly: true}},
      'pd.csi.storage.gke.io-pd',
      ['ReadOnlyMany'],
      {
        driver: 'pd.csi.storage.gke.io',
        volumeHandle: 'projects/UNSPECIFIED/zones/UNSPECIFIED/disks/pd',
        readOnly: true,
        volumeAttributes: {partition: ''},
      },
    ],
    [
      {portworxVolume: {volumeID: 'p', fsType: 'ext4'}},
      'pxd.portworx.com-p',
      once,
      {driver: 'pxd.portworx.com', volumeHandle: 'p', fsType: 'ext4'},
    ],
    [
      {vsphereVolume: {volumePath: '[store] a/b.vmdk', storagePolicyName: 'gold'}},
      'csi.vsphere.vmware.com-[store] a/b.vmdk',
      once,
      {driver: 'csi.vsphere.vmware.com', volumeAttributes: {storagepolicyname: 'gold'}},
    ],
  ];

  it.each(cases)('is a persistent one to its driver: %o', (source, name, accessModes, csi) => {
    const found = migratedInline({name: 'v', ...source}, 'ns');
    expect(found?.metadata.name).toBe(name);
    expect(found?.spec).toMatchObject({accessModes, csi});
  });

  it('is refused where no driver can have it', () => {
    expect(() => migratedInline({name: 'v', azureDisk: {...disk, kind: 'Shared'}}, 'ns')).toThrow(
      'kind(Shared) is not supported in csi migration',
    );
  });

  it('is none of these where its kind needs no driver', () => {
    expect(migratedInline({name: 'v', emptyDir: {}}, 'ns')).toBeUndefined();
  });
});

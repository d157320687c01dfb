import type {PersistentVolume} from '../../../../lib/kubernetes.ts';

/**
 * Persistent volumes of kinds that were once built into Kubernetes, as their CSI drivers know them
 * (k8s.io/csi-translation-lib). Clusters keep such volumes for years. Everything here is pure.
 */

type Spec = PersistentVolume['spec'];
type CsiSource = NonNullable<Spec['csi']>;
type Translation = {
  readonly plugin: string;
  /** Undefined for a volume of another kind. @throws for one that no driver can have */
  readonly source: (volume: PersistentVolume) => CsiSource | undefined;
  /** What the driver calls a zone; it says so in the Node's labels. */
  readonly zoneKey?: string;
  readonly regionKey?: string;
};

const zoneLabels = ['failure-domain.beta.kubernetes.io/zone', 'topology.kubernetes.io/zone'];
const regionLabels = ['failure-domain.beta.kubernetes.io/region', 'topology.kubernetes.io/region'];
const unspecified = 'UNSPECIFIED';

const translations: readonly Translation[] = [
  {
    plugin: 'kubernetes.io/aws-ebs',
    zoneKey: 'topology.ebs.csi.aws.com/zone',
    source: ({spec: {awsElasticBlockStore: source}}) =>
      source && {
        driver: 'ebs.csi.aws.com',
        volumeHandle: ebsVolume(source.volumeID),
        ...common(source),
        volumeAttributes: {partition: String(source.partition ?? 0)},
      },
  },
  {
    plugin: 'kubernetes.io/azure-disk',
    source: ({spec: {azureDisk: source}}) => source && azureDisk(source),
  },
  {
    plugin: 'kubernetes.io/azure-file',
    source: (volume) => volume.spec.azureFile && azureFile(volume, volume.spec.azureFile),
  },
  {
    plugin: 'kubernetes.io/cinder',
    zoneKey: 'topology.cinder.csi.openstack.org/zone',
    source: ({spec: {cinder: source}}) =>
      source && {driver: 'cinder.csi.openstack.org', volumeHandle: source.volumeID, ...common(source)},
  },
  {
    plugin: 'kubernetes.io/gce-pd',
    zoneKey: 'topology.gke.io/zone',
    source: ({metadata, spec: {gcePersistentDisk: source}}) =>
      source && {
        driver: 'pd.csi.storage.gke.io',
        volumeHandle: `projects/${unspecified}/${gcePlace(metadata.labels ?? {})}/disks/${source.pdName}`,
        ...common(source),
        volumeAttributes: {partition: source.partition ? String(source.partition) : ''},
      },
  },
  {
    plugin: 'kubernetes.io/portworx-volume',
    source: ({metadata, spec: {portworxVolume: source}}) =>
      source && {
        driver: 'pxd.portworx.com',
        volumeHandle: source.volumeID,
        ...(source.fsType === undefined ? {} : {fsType: source.fsType}),
        ...portworxSecrets(metadata.annotations ?? {}),
      },
  },
  {
    plugin: 'kubernetes.io/vsphere-volume',
    zoneKey: 'topology.csi.vmware.com/zone',
    regionKey: 'topology.csi.vmware.com/region',
    source: ({spec: {vsphereVolume: source}}) =>
      source && {
        driver: 'csi.vsphere.vmware.com',
        volumeHandle: source.volumePath,
        ...(source.fsType === undefined ? {} : {fsType: source.fsType}),
        volumeAttributes: {
          ...(source.storagePolicyName ? {storagepolicyname: source.storagePolicyName} : {}),
        },
      },
  },
];

/** Of the CSINode: tells the cluster's controllers that this node takes such volumes by CSI. */
export const migratedAnnotation = 'storage.alpha.kubernetes.io/migrated-plugins';
export const migratedPlugins: string = translations.map(({plugin}) => plugin).join(',');

/** The volume itself where it needs no translation. */
export function migrated(volume: PersistentVolume): PersistentVolume {
  for (const {source, zoneKey, regionKey} of translations) {
    const csi = source(volume);
    if (csi === undefined) continue;
    const names = new Map<string, string>();
    if (zoneKey !== undefined) for (const label of zoneLabels) names.set(label, zoneKey);
    if (regionKey !== undefined) for (const label of regionLabels) names.set(label, regionKey);
    const {accessModes} = volume.spec;
    const spec: Spec = {
      ...volume.spec,
      ...(volume.spec.gcePersistentDisk && accessModes ? {accessModes: gceModes(accessModes)} : {}),
      csi,
    };
    return {...volume, spec: renamed(spec, names)};
  }
  return volume;
}

type Common = {readonly fsType?: string; readonly readOnly?: boolean};

function common({fsType, readOnly = false}: Common) {
  return {readOnly, ...(fsType === undefined ? {} : {fsType})};
}

/** `vol-1` or `aws://zone/vol-1` */
function ebsVolume(id: string): string {
  if (!id.startsWith('aws://')) return id;
  const volume = id.slice('aws://'.length).split('/').slice(1).filter(Boolean).join('/');
  if (/^vol-[^/]*$/.test(volume)) return volume;
  throw new Error(`failed to translate Kubernetes ID to EBS Volume ID Invalid format for AWS volume (${id})`);
}

function azureDisk(source: NonNullable<Spec['azureDisk']>): CsiSource {
  const {kind = 'Managed', cachingMode, fsType} = source;
  if (kind.toLowerCase() !== 'managed') throw new Error(`kind(${kind}) is not supported in csi migration`);
  return {
    driver: 'disk.csi.azure.com',
    volumeHandle: source.diskURI,
    ...common(source),
    volumeAttributes: {
      kind: 'Managed',
      ...(cachingMode === undefined ? {} : {cachingmode: cachingMode}),
      ...(fsType === undefined ? {} : {fstype: fsType}),
    },
  };
}

function azureFile({metadata, spec}: PersistentVolume, source: NonNullable<Spec['azureFile']>): CsiSource {
  const {secretName, shareName, readOnly = false} = source;
  const namespace = source.secretNamespace ?? spec.claimRef?.namespace ?? '';
  if (namespace === '')
    throw new Error('could not find a secret namespace in PersistentVolumeSource or ClaimRef');
  const account = /azure-storage-account-(.+)-secret/.exec(secretName)?.[1] ?? secretName;
  const group = metadata.annotations?.['kubernetes.io/azure-file-resource-group'] ?? '';
  return {
    driver: 'file.csi.azure.com',
    volumeHandle: [group, account, shareName, metadata.name, namespace].join('#'),
    readOnly,
    nodeStageSecretRef: {name: secretName, namespace},
    volumeAttributes: {sharename: shareName},
  };
}

/** Disks of several zones (`a__b`) belong to their region. */
function gcePlace(labels: Readonly<Record<string, string>>): string {
  const label = zoneLabels.map((name) => labels[name]).find(Boolean) ?? unspecified;
  const zones = label.split('__');
  if (zones.length === 1) return `zones/${label}`;
  const [region, ...others] = new Set(zones.map((zone) => zone.split('-').slice(0, -1).join('-')));
  if (region !== undefined && others.length === 0) return `regions/${region}`;
  throw new Error(`failed to get region from zones: ${zones.join(', ')} are not of one region`);
}

/** The plugin of old took what it could not do for ReadWriteOnce. */
function gceModes(modes: readonly string[]): string[] {
  return [modes.every((mode) => mode === 'ReadOnlyMany') ? 'ReadOnlyMany' : 'ReadWriteOnce'];
}

function portworxSecrets(annotations: Readonly<Record<string, string>>): Partial<CsiSource> {
  const name = annotations['openstorage.io/auth-secret-name'];
  const namespace = annotations['openstorage.io/auth-secret-namespace'];
  if (name === undefined || namespace === undefined) return {};
  const secret = {name, namespace};
  return {nodeStageSecretRef: secret, nodePublishSecretRef: secret, nodeExpandSecretRef: secret};
}

/** Topology of Kubernetes in the node affinity becomes that of the driver. */
function renamed(spec: Spec, names: ReadonlyMap<string, string>): Spec {
  const required = spec.nodeAffinity?.required;
  if (required === undefined) return spec;
  const nodeSelectorTerms = required.nodeSelectorTerms.map((term) =>
    term.matchExpressions === undefined
      ? term
      : {
          ...term,
          matchExpressions: term.matchExpressions.map((expression) => ({
            ...expression,
            key: names.get(expression.key) ?? expression.key,
          })),
        },
  );
  return {...spec, nodeAffinity: {required: {...required, nodeSelectorTerms}}};
}

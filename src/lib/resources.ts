import type {
  CertificateSigningRequest,
  ClusterTrustBundle,
  ConfigMap,
  CsiDriver,
  CsiNode,
  Deployment,
  EndpointSlice,
  Event,
  KubeObject,
  Lease,
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  ReplicaSet,
  ResourceClaim,
  ResourceSlice,
  RuntimeClass,
  Secret,
  Service,
  ServiceAccount,
  VolumeAttachment,
} from './kubernetes.ts';

/** Where a kind of object lives in the API. `T` is the object's type and exists only for the compiler. */
export type Resource<T extends KubeObject = KubeObject> = {
  /** '' for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
  type?(object: T): void;
};

/** A resource whose objects' type does not matter: every `Resource<T>` is one. */
export type AnyResource = Omit<Resource, 'type'>;

function resource<T extends KubeObject>(
  apiVersion: string,
  plural: string,
  kind: string,
  scope: 'Namespaced' | 'Cluster',
): Resource<T> {
  const [version = '', group = ''] = apiVersion.split('/').reverse();
  return {group, version, plural, kind, namespaced: scope === 'Namespaced'};
}

export const pods = resource<Pod>('v1', 'pods', 'Pod', 'Namespaced');
export const nodes = resource<Node>('v1', 'nodes', 'Node', 'Cluster');
export const services = resource<Service>('v1', 'services', 'Service', 'Namespaced');
export const configMaps = resource<ConfigMap>('v1', 'configmaps', 'ConfigMap', 'Namespaced');
export const secrets = resource<Secret>('v1', 'secrets', 'Secret', 'Namespaced');
export const serviceAccounts = resource<ServiceAccount>(
  'v1',
  'serviceaccounts',
  'ServiceAccount',
  'Namespaced',
);
export const namespaces = resource<Namespace>('v1', 'namespaces', 'Namespace', 'Cluster');
export const events = resource<Event>('v1', 'events', 'Event', 'Namespaced');
export const leases = resource<Lease>('coordination.k8s.io/v1', 'leases', 'Lease', 'Namespaced');
export const endpointSlices = resource<EndpointSlice>(
  'discovery.k8s.io/v1',
  'endpointslices',
  'EndpointSlice',
  'Namespaced',
);
export const certificateSigningRequests = resource<CertificateSigningRequest>(
  'certificates.k8s.io/v1',
  'certificatesigningrequests',
  'CertificateSigningRequest',
  'Cluster',
);
export const deployments = resource<Deployment>('apps/v1', 'deployments', 'Deployment', 'Namespaced');
export const replicaSets = resource<ReplicaSet>('apps/v1', 'replicasets', 'ReplicaSet', 'Namespaced');
export const csiNodes = resource<CsiNode>('storage.k8s.io/v1', 'csinodes', 'CSINode', 'Cluster');
export const csiDrivers = resource<CsiDriver>('storage.k8s.io/v1', 'csidrivers', 'CSIDriver', 'Cluster');
export const persistentVolumes = resource<PersistentVolume>(
  'v1',
  'persistentvolumes',
  'PersistentVolume',
  'Cluster',
);
export const persistentVolumeClaims = resource<PersistentVolumeClaim>(
  'v1',
  'persistentvolumeclaims',
  'PersistentVolumeClaim',
  'Namespaced',
);
export const volumeAttachments = resource<VolumeAttachment>(
  'storage.k8s.io/v1',
  'volumeattachments',
  'VolumeAttachment',
  'Cluster',
);
export const clusterTrustBundles = resource<ClusterTrustBundle>(
  'certificates.k8s.io/v1beta1',
  'clustertrustbundles',
  'ClusterTrustBundle',
  'Cluster',
);
export const runtimeClasses = resource<RuntimeClass>(
  'node.k8s.io/v1',
  'runtimeclasses',
  'RuntimeClass',
  'Cluster',
);
export const resourceClaims = resource<ResourceClaim>(
  'resource.k8s.io/v1',
  'resourceclaims',
  'ResourceClaim',
  'Namespaced',
);
export const resourceSlices = resource<ResourceSlice>(
  'resource.k8s.io/v1',
  'resourceslices',
  'ResourceSlice',
  'Cluster',
);

/** `v1` or `group/version`. */
export function apiVersion(resource: AnyResource): string {
  return resource.group === '' ? resource.version : `${resource.group}/${resource.version}`;
}

/** The API path of a collection or an object: `/api/v1/namespaces/ns/pods/name/status`. */
export function apiPath(
  resource: AnyResource,
  namespace?: string,
  name?: string,
  subresource?: string,
): string {
  const root =
    resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const scope =
    resource.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  const object = name === undefined ? '' : `/${encodeURIComponent(name)}`;
  const sub = subresource === undefined ? '' : `/${subresource}`;
  return `${root}${scope}/${resource.plural}${object}${sub}`;
}

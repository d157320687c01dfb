/** Kubernetes objects as they are on the wire: the client's types with dates as strings. Types only. */
import type {
  CoreV1Event,
  DiscoveryV1EndpointPort,
  ResourceV1ResourceClaim,
  V1beta1ClusterTrustBundle,
  V1CertificateSigningRequest,
  V1ConfigMap,
  V1Container,
  V1ContainerStatus,
  V1CSIDriver,
  V1CSINode,
  V1CSINodeDriver,
  V1Deployment,
  V1Endpoint,
  V1EndpointSlice,
  V1Lease,
  V1Namespace,
  V1Node,
  V1NodeSpec,
  V1NodeStatus,
  V1ObjectMeta,
  V1OwnerReference,
  V1PersistentVolume,
  V1PersistentVolumeClaim,
  V1PersistentVolumeClaimSpec,
  V1PersistentVolumeSpec,
  V1Pod,
  V1PodSpec,
  V1PodStatus,
  V1ReplicaSet,
  V1ResourceSlice,
  V1RuntimeClass,
  V1Secret,
  V1Service,
  V1ServiceAccount,
  V1ServiceSpec,
  V1Status,
  V1Volume,
  V1VolumeAttachment,
} from '@kubernetes/client-node';

export type Wire<T> = T extends Date
  ? string
  : T extends (infer Item)[]
    ? Wire<Item>[]
    : T extends object
      ? {[Key in keyof T]: Wire<T[Key]>}
      : T;

/** Metadata of an object that the API server has stored. */
export type Metadata = Wire<V1ObjectMeta> & {name: string; uid: string; resourceVersion: string};

/** Any stored object, its kind unknown. */
export type KubeObject = {apiVersion?: string; kind?: string; metadata: Metadata};

type Stored<T> = Omit<Wire<T>, 'metadata'> & {metadata: Metadata};
type Namespaced<T> = Omit<Wire<T>, 'metadata'> & {metadata: Metadata & {namespace: string}};

/** An object on its way to the server: what the server fills in may be missing. */
export type Draft<T extends {metadata: object}> = Omit<T, 'metadata'> & {metadata: Wire<V1ObjectMeta>};

export type ObjectMeta = Wire<V1ObjectMeta>;
export type OwnerReference = Wire<V1OwnerReference>;
export type PodSpec = Wire<V1PodSpec>;
export type PodStatus = Wire<V1PodStatus>;
export type Container = Wire<V1Container>;
export type ContainerStatus = Wire<V1ContainerStatus>;
export type Volume = Wire<V1Volume>;
export type Status = Wire<V1Status>;

export type Pod = Namespaced<V1Pod> & {spec: PodSpec; status?: PodStatus};
export type Node = Stored<V1Node> & {spec?: Wire<V1NodeSpec>; status?: Wire<V1NodeStatus>};
export type Service = Namespaced<V1Service> & {spec: Wire<V1ServiceSpec>};
/** Go writes an empty list as null where the field has no omitempty. */
export type EndpointSlice = Namespaced<Omit<V1EndpointSlice, 'endpoints' | 'ports'>> & {
  endpoints: Wire<V1Endpoint>[] | null;
  ports?: Wire<DiscoveryV1EndpointPort>[] | null;
};
export type ConfigMap = Namespaced<V1ConfigMap>;
export type Secret = Namespaced<V1Secret>;
export type ServiceAccount = Namespaced<V1ServiceAccount>;
export type Namespace = Stored<V1Namespace>;
export type Event = Namespaced<CoreV1Event>;
export type Lease = Namespaced<V1Lease>;
export type CertificateSigningRequest = Stored<V1CertificateSigningRequest>;
export type Deployment = Namespaced<V1Deployment>;
export type ReplicaSet = Namespaced<V1ReplicaSet>;
/** Go writes an empty list without `omitempty` as null. */
export type CsiNode = Stored<Omit<V1CSINode, 'spec'>> & {spec: {drivers: Wire<V1CSINodeDriver>[] | null}};
export type CsiDriver = Stored<V1CSIDriver>;
export type VolumeAttachment = Stored<V1VolumeAttachment>;
export type ClusterTrustBundle = Stored<V1beta1ClusterTrustBundle>;
export type PersistentVolume = Stored<V1PersistentVolume> & {spec: Wire<V1PersistentVolumeSpec>};
export type PersistentVolumeClaim = Namespaced<V1PersistentVolumeClaim> & {
  spec: Wire<V1PersistentVolumeClaimSpec>;
};
export type ResourceClaim = Namespaced<ResourceV1ResourceClaim>;
export type ResourceSlice = Stored<V1ResourceSlice>;
export type RuntimeClass = Stored<V1RuntimeClass>;

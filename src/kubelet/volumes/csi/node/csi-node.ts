import {isDeepStrictEqual} from 'node:util';
import type {CsiNode, Draft, Node} from '../../../../lib/kubernetes.ts';
import {migratedAnnotation, migratedPlugins} from '../driver/migration.ts';

/** What a driver says of this node (NodeGetInfo). */
export type DriverNode = {
  readonly name: string;
  readonly nodeId: string;
  /** 0: no limit is known. */
  readonly maxVolumes: number;
  readonly topology: Readonly<Record<string, string>>;
};

type CsiNodeDriver = NonNullable<CsiNode['spec']['drivers']>[number];

const nodeIdAnnotation = 'csi.volume.kubernetes.io/nodeid';
const maxInt32 = 2 ** 31 - 1;

export function newCsiNode(node: Node): Draft<CsiNode> {
  const {name, uid} = node.metadata;
  return {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'CSINode',
    metadata: {
      name,
      ownerReferences: [{apiVersion: 'v1', kind: 'Node', name, uid}],
      annotations: {[migratedAnnotation]: migratedPlugins},
    },
    spec: {drivers: []},
  };
}

/** A CSINode of a Node that had our name before is none of ours. */
export function isOwnedBy({metadata}: CsiNode, node: Node): boolean {
  return (metadata.ownerReferences ?? []).some(
    ({kind, name, uid}) => kind === 'Node' && name === node.metadata.name && uid === node.metadata.uid,
  );
}

/** With what controllers must know of this kubelet; undefined when it says so already. */
export function withMigration(csiNode: CsiNode): CsiNode | undefined {
  const {metadata} = csiNode;
  if (metadata.annotations?.[migratedAnnotation] === migratedPlugins) return undefined;
  const annotations = {...metadata.annotations, [migratedAnnotation]: migratedPlugins};
  return {...csiNode, metadata: {...metadata, annotations}};
}

/** The drivers of a CSINode with this one as it is now; undefined when it says so already. */
export function withDriver(csiNode: CsiNode, driver: DriverNode): CsiNodeDriver[] | undefined {
  const {name, nodeId, maxVolumes, topology} = driver;
  const topologyKeys = Object.keys(topology).sort();
  const drivers = csiNode.spec.drivers ?? [];
  const known = drivers.find((other) => other.name === name);
  const count = maxVolumes > 0 ? Math.min(maxVolumes, maxInt32) : undefined;
  const same =
    known !== undefined &&
    known.nodeID === nodeId &&
    isDeepStrictEqual([...(known.topologyKeys ?? [])].sort(), topologyKeys) &&
    known.allocatable?.count === count;
  if (same) return undefined;
  return [
    ...drivers.filter((other) => other.name !== name),
    {name, nodeID: nodeId, topologyKeys, ...(count === undefined ? {} : {allocatable: {count}})},
  ];
}

/** Undefined when it is not among them. */
export function withoutDriver(csiNode: CsiNode, name: string): CsiNodeDriver[] | undefined {
  const drivers = csiNode.spec.drivers ?? [];
  const left = drivers.filter((other) => other.name !== name);
  return left.length === drivers.length ? undefined : left;
}

type MetadataChange = {
  annotations?: Record<string, string | null>;
  labels?: Readonly<Record<string, string>>;
};

/**
 * What the Node's metadata must say of a driver: its id for this node, and where the node is.
 * @throws when a label says already that the node is somewhere else
 */
export function announceDriver({metadata}: Node, driver: DriverNode): MetadataChange | undefined {
  const labels = metadata.labels ?? {};
  const ids = nodeIds(metadata.annotations);
  const change: MetadataChange = {};
  if (ids[driver.name] !== driver.nodeId)
    change.annotations = {[nodeIdAnnotation]: JSON.stringify({...ids, [driver.name]: driver.nodeId})};
  const missing = Object.entries(driver.topology).filter(([key, value]) => {
    const current = labels[key];
    if (current !== undefined && current !== value)
      throw new Error(
        `detected topology value collision: driver reported "${key}":"${value}" but existing label is "${key}":"${current}"`,
      );
    return current === undefined;
  });
  if (missing.length > 0) change.labels = Object.fromEntries(missing);
  return Object.keys(change).length === 0 ? undefined : change;
}

export function withdrawDriver({metadata}: Node, name: string): MetadataChange | undefined {
  const ids = nodeIds(metadata.annotations);
  if (ids[name] === undefined) return undefined;
  const left = Object.fromEntries(Object.entries(ids).filter(([driver]) => driver !== name));
  const text = Object.keys(left).length === 0 ? null : JSON.stringify(left);
  return {annotations: {[nodeIdAnnotation]: text}};
}

/** @throws when the annotation is not what Kubernetes writes there */
function nodeIds(annotations: Readonly<Record<string, string>> | undefined): Record<string, string> {
  const text = annotations?.[nodeIdAnnotation];
  if (!text) return {};
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed !== 'object' || parsed === null) return {};
  return Object.fromEntries(Object.entries(parsed).filter(([, value]) => typeof value === 'string'));
}

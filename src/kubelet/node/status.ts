import {isDeepStrictEqual} from 'node:util';
import type {KubeletConfig} from '../../config/kubelet.ts';
import type {HostFacts} from '../../edges/machine/host-facts.ts';
import type {Node} from '../../lib/kubernetes.ts';
import {timestamp} from '../../lib/time.ts';
import type {NodeAddress} from './addresses.ts';
import {judgeConditions, type NodeEvent} from './conditions.ts';
import {declaredFeatures} from './declared-features.ts';
import type {Pressure} from './pressure.ts';
import {type DeviceCounts, nodeResources} from './resources.ts';

export type NodeStatus = NonNullable<Node['status']>;

/** What the runtime says about itself. */
export type RuntimeFacts = {
  readonly name: string;
  readonly version: string;
  readonly handlers: readonly {
    readonly name: string;
    readonly recursiveReadOnlyMounts: boolean;
    readonly userNamespaces: boolean;
  }[];
  /** Undefined when the runtime does not tell its features (before CRI 0.31). */
  readonly supplementalGroupsPolicy?: boolean;
};

export type ImageFacts = {
  readonly digests: readonly string[];
  readonly tags: readonly string[];
  readonly sizeBytes: number;
};

/** Everything that a Node's status is computed from. */
export type StatusSeen = {
  readonly nowMs: number;
  readonly config: KubeletConfig;
  readonly facts: HostFacts;
  /** Undefined: unknown at the moment, what the Node has stays. */
  readonly addresses: readonly NodeAddress[] | undefined;
  readonly runtime: RuntimeFacts | undefined;
  readonly images: readonly ImageFacts[] | undefined;
  readonly volumesInUse: readonly string[];
  readonly devices?: DeviceCounts;
  readonly pressure: Pressure;
  /** Why the node cannot run pods; none means Ready. */
  readonly problems: readonly string[];
};

export type DesiredStatus = {readonly status: NodeStatus; readonly events: readonly NodeEvent[]};

const namesPerImage = 5;

/** The whole status of a Node; what is unknown now, and what others own, is taken over from `before`. */
export function desiredStatus(seen: StatusSeen, before: NodeStatus = {}): DesiredStatus {
  const {config, facts, runtime} = seen;
  const {capacity, allocatable} = nodeResources(facts, config, before.capacity, seen.devices);
  const judged = judgeConditions(
    config.nodeName,
    seen.pressure,
    seen.problems,
    before.conditions ?? [],
    timestamp(seen.nowMs),
  );
  const status: NodeStatus = {
    capacity: {...capacity},
    allocatable: {...allocatable},
    conditions: [...judged.conditions],
    addresses: seen.addresses?.map((address) => ({...address})) ?? before.addresses ?? [],
    daemonEndpoints: {kubeletEndpoint: {Port: config.port}},
    nodeInfo: nodeInfo(seen, before),
    images:
      seen.images === undefined ? (before.images ?? []) : images(seen.images, config.nodeStatusMaxImages),
    volumesInUse: [...seen.volumesInUse].sort(),
    runtimeHandlers: runtime === undefined ? (before.runtimeHandlers ?? []) : handlers(runtime),
    declaredFeatures: [...declaredFeatures(config.version)],
  };
  const features = runtime === undefined ? before.features : runtimeFeatures(runtime);
  if (features !== undefined) status.features = features;
  return {status, events: [...judged.events, ...reboot(seen, before)]};
}

function nodeInfo(
  {config, facts, runtime}: StatusSeen,
  before: NodeStatus,
): NonNullable<NodeStatus['nodeInfo']> {
  return {
    architecture: facts.architecture,
    bootID: facts.bootId,
    containerRuntimeVersion:
      runtime === undefined
        ? (before.nodeInfo?.containerRuntimeVersion ?? 'containerd://Unknown')
        : `${runtime.name}://${runtime.version}`,
    kernelVersion: facts.kernel,
    kubeProxyVersion: '',
    kubeletVersion: config.version,
    machineID: facts.machineId,
    operatingSystem: 'linux',
    osImage: facts.osImage,
    systemUUID: facts.systemUuid,
    ...(facts.swapBytes > 0 ? {swap: {capacity: facts.swapBytes}} : {}),
  };
}

/** The biggest first; the scheduler's ImageLocality only looks at big ones. */
function images(found: readonly ImageFacts[], max: number): NonNullable<NodeStatus['images']> {
  const sorted = [...found].sort(
    (a, b) => b.sizeBytes - a.sizeBytes || compare(a.digests[0] ?? '', b.digests[0] ?? ''),
  );
  return sorted.slice(0, max < 0 ? undefined : max).map(({digests, tags, sizeBytes}) => ({
    names: [...digests, ...tags].slice(0, namesPerImage),
    sizeBytes,
  }));
}

/** By code unit: comparing by a language's rules would load them, which is megabytes. */
function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function runtimeFeatures({supplementalGroupsPolicy}: RuntimeFacts): NodeStatus['features'] {
  return supplementalGroupsPolicy === undefined ? undefined : {supplementalGroupsPolicy};
}

function handlers(runtime: RuntimeFacts): NonNullable<NodeStatus['runtimeHandlers']> {
  return [...runtime.handlers]
    .sort((a, b) => compare(a.name, b.name))
    .map(({name, recursiveReadOnlyMounts, userNamespaces}) => ({
      name,
      features: {recursiveReadOnlyMounts, userNamespaces},
    }));
}

function reboot({config, facts}: StatusSeen, before: NodeStatus): NodeEvent[] {
  const old = before.nodeInfo?.bootID ?? '';
  if (old === '' || old === facts.bootId) return [];
  const message = `Node ${config.nodeName} has been rebooted, boot id: ${facts.bootId}`;
  return [{type: 'Warning', reason: 'Rebooted', message}];
}

type Patch = {status: Record<string, unknown>};

/**
 * The strategic merge patch that leads from one status to another; undefined when they say the same (a newer
 * heartbeat alone is not a difference). Conditions and addresses are merged by type: conditions of others stay, and
 * addresses are replaced as a whole, for several may have one type (nodeutil.PatchNodeStatus does the same).
 */
export function statusPatch(
  before: NodeStatus,
  after: NodeStatus,
  {heartbeat, untaken}: {readonly heartbeat: boolean; readonly untaken: Partial<NodeStatus>},
): Patch | undefined {
  const status: Record<string, unknown> = {};
  for (const field of differing(before, after)) {
    if (Object.hasOwn(untaken, field) && sameAs(untaken[field], after[field])) continue;
    if (field === 'capacity' || field === 'allocatable')
      status[field] = mapChanges(before[field] ?? {}, after[field] ?? {});
    else if (field === 'addresses') status.addresses = [...(after.addresses ?? []), {$patch: 'replace'}];
    else status[field] = after[field] ?? null;
  }
  const changed = Object.keys(status).length > 0 || conditionsDiffer(before, after);
  if (!changed && !heartbeat) return undefined;
  return {status: {...status, ...conditionsPatch(before, after)}};
}

/** What of the status is otherwise than it was to be, as the API server has it now. */
export function untakenStatus(now: NodeStatus, wanted: NodeStatus): Partial<NodeStatus> {
  return Object.fromEntries(differing(now, wanted).map((field) => [field, wanted[field]]));
}

const fields = [
  'capacity',
  'allocatable',
  'daemonEndpoints',
  'nodeInfo',
  'images',
  'volumesInUse',
  'runtimeHandlers',
  'features',
  'declaredFeatures',
  'addresses',
] as const satisfies readonly (keyof NodeStatus)[];

function differing(before: NodeStatus, after: NodeStatus): (typeof fields)[number][] {
  return fields.filter((field) => !sameAs(before[field], after[field]));
}

/** Empty and absent are one: the server leaves empty lists and strings out. */
function sameAs(a: unknown, b: unknown): boolean {
  return isDeepStrictEqual(withoutEmpty(a), withoutEmpty(b));
}

function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 0 ? undefined : value.map(withoutEmpty);
  if (typeof value !== 'object' || value === null) return value === '' || value === null ? undefined : value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([key, item]) => [key, withoutEmpty(item)])
      .filter(([, item]) => item !== undefined),
  );
}

function mapChanges(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
): Record<string, string | null> {
  const changes: Record<string, string | null> = {};
  for (const [key, value] of Object.entries(after)) if (before[key] !== value) changes[key] = value;
  for (const key of Object.keys(before)) if (after[key] === undefined) changes[key] = null;
  return changes;
}

function conditionsDiffer(before: NodeStatus, after: NodeStatus): boolean {
  return (after.conditions ?? []).some((condition) => {
    const old = before.conditions?.find(({type}) => type === condition.type);
    return !sameAs({...old, lastHeartbeatTime: ''}, {...condition, lastHeartbeatTime: ''});
  });
}

/** Ready stays the last: others' conditions go before ours. */
function conditionsPatch(before: NodeStatus, after: NodeStatus): Record<string, unknown> {
  const ours = (after.conditions ?? []).map(({type}) => ({type}));
  const others = (before.conditions ?? [])
    .filter(({type}) => !ours.some((own) => own.type === type))
    .map(({type}) => ({type}));
  return {'$setElementOrder/conditions': [...others, ...ours], conditions: after.conditions};
}

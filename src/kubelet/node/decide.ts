import {isDeepStrictEqual} from 'node:util';
import type {Decision} from '../../lib/control/reconcile.ts';
import type {Draft, Node} from '../../lib/kubernetes.ts';
import type {NodeEvent} from './conditions.ts';
import {type MetadataPatch, metadataPatch} from './labels.ts';
import {newNode} from './register.ts';
import {withoutExtended} from './resources.ts';
import {desiredStatus, type NodeStatus, type StatusSeen, statusPatch} from './status.ts';

export type NodeSeen = StatusSeen & {
  /** The Node as last known; undefined when the API has none of our name. */
  readonly node: Node | undefined;
  /** Monotonic. */
  readonly monotonicMs: number;
  /** When the status was last written (monotonic); undefined: not since the start. */
  readonly reportedMs: number | undefined;
  /** Extra time until the next unchanged report, so that nodes do not all report at once. */
  readonly reportDelayMs: number;
  /** The first Ready is not to wait for the next regular round. */
  readonly fast: boolean;
  /** Cordoned, as was last told by an event. */
  readonly unschedulable: boolean;
  /** Labels of the configuration were put right since the start; later they are whoever's changes them. */
  readonly isLabelled: boolean;
  readonly untaken: Untaken;
};

/**
 * What the API server was told and did not take: a field that it does not know (an older release, a feature gate), or
 * that a webhook has another way. The same is said again with the next regular report only.
 */
export type Untaken = {readonly status: Partial<NodeStatus>; readonly metadata?: MetadataPatch | undefined};

export type NodeAct =
  | {readonly type: 'create'; readonly node: Draft<Node>}
  | {readonly type: 'patch-metadata'; readonly body: MetadataPatch}
  | {
      readonly type: 'patch-status';
      readonly body: object;
      readonly status: NodeStatus;
      readonly changed: boolean;
      readonly ready: boolean;
    }
  | {readonly type: 'event'; readonly event: NodeEvent};

const fastMs = 100;

/** What must be done so that the Node object says what is true of this machine. */
export function decideNode(seen: NodeSeen): Decision<NodeAct> {
  const {node, config, facts} = seen;
  const againInMs = seen.fast ? fastMs : config.nodeStatusUpdateFrequency;
  if (node === undefined) {
    if (!config.registerNode) return {acts: [], againInMs};
    const {status} = desiredStatus(seen);
    return {acts: [{type: 'create', node: newNode(config, facts.architecture, status)}], againInMs};
  }
  const before = node.status ?? {};
  // A Node that was there before us, on a machine that was set up anew.
  const isInherited = seen.reportedMs === undefined && seen.devices?.fresh === true;
  const known = isInherited ? {...before, capacity: withoutExtended(before.capacity)} : before;
  const {status, events} = desiredStatus(seen, known);
  const due =
    seen.reportedMs === undefined ||
    seen.monotonicMs - seen.reportedMs >= config.nodeStatusReportFrequency + seen.reportDelayMs;
  const untaken = due ? {} : seen.untaken.status;
  const changed = statusPatch(before, status, {heartbeat: false, untaken}) !== undefined;
  const body = statusPatch(before, status, {heartbeat: due, untaken});
  const metadata = neededMetadata(seen, node, due);
  const ready = status.conditions?.at(-1)?.status === 'True';
  return {
    acts: [
      ...(metadata === undefined ? [] : [{type: 'patch-metadata' as const, body: metadata}]),
      ...(body === undefined ? [] : [{type: 'patch-status' as const, body, status, changed, ready}]),
      ...[...events, ...cordonEvents(seen, node)].map((event) => ({type: 'event' as const, event})),
    ],
    againInMs,
  };
}

function neededMetadata(
  {config, facts, isLabelled, untaken}: NodeSeen,
  {metadata}: Node,
  due: boolean,
): MetadataPatch | undefined {
  if (!config.registerNode) return undefined;
  const wanted = isLabelled ? {...config, nodeLabels: {}} : config;
  const patch = metadataPatch(metadata, wanted, facts.architecture);
  return !due && isDeepStrictEqual(patch, untaken.metadata) ? undefined : patch;
}

/** kubelet_node_status.go, recordNodeSchedulableEvent. */
function cordonEvents({config: {nodeName}, unschedulable}: NodeSeen, node: Node): NodeEvent[] {
  const isCordoned = isUnschedulable(node);
  if (isCordoned === unschedulable) return [];
  const reason = isCordoned ? 'NodeNotSchedulable' : 'NodeSchedulable';
  return [{type: 'Normal', reason, message: `Node ${nodeName} status is now: ${reason}`}];
}

export function isUnschedulable(node: Node | undefined): boolean {
  return node?.spec?.unschedulable === true;
}

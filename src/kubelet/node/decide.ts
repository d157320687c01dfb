import type {Draft, Node} from '../../lib/kubernetes.ts';
import type {Decision} from '../../lib/reconcile.ts';
import type {NodeEvent} from './conditions.ts';
import {metadataPatch} from './labels.ts';
import {newNode} from './register.ts';
import {withoutExtended} from './resources.ts';
import {desiredStatus, type StatusSeen, statusPatch} from './status.ts';

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
};

export type NodeAct =
  | {readonly type: 'create'; readonly node: Draft<Node>}
  | {readonly type: 'patch-metadata'; readonly body: object}
  | {readonly type: 'patch-status'; readonly body: object; readonly changed: boolean; readonly ready: boolean}
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
  const metadata = config.registerNode ? metadataPatch(node.metadata, config, facts.architecture) : undefined;
  // A Node that was there before us, on a machine that was set up anew.
  const isInherited = seen.reportedMs === undefined && seen.devices?.fresh === true;
  const known = isInherited ? {...before, capacity: withoutExtended(before.capacity)} : before;
  const {status, events} = desiredStatus(seen, known);
  const due =
    seen.reportedMs === undefined ||
    seen.monotonicMs - seen.reportedMs >= config.nodeStatusReportFrequency + seen.reportDelayMs;
  const changed = statusPatch(before, status, false) !== undefined;
  const body = statusPatch(before, status, due);
  const ready = status.conditions?.at(-1)?.status === 'True';
  return {
    acts: [
      ...(metadata === undefined ? [] : [{type: 'patch-metadata' as const, body: metadata}]),
      ...(body === undefined ? [] : [{type: 'patch-status' as const, body, changed, ready}]),
      ...[...events, ...cordonEvents(seen, node)].map((event) => ({type: 'event' as const, event})),
    ],
    againInMs,
  };
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

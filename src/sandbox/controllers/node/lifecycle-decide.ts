import type {Decision} from '../../../lib/control/reconcile.ts';
import type {Node, Pod} from '../../../lib/kubernetes.ts';
import {timestamp} from '../../../lib/time.ts';
import {conditionOf, isPodReady, isTerminal} from '../pods.ts';
import type {Taint} from '../scheduler/taints.ts';

type NodeCondition = NonNullable<NonNullable<Node['status']>['conditions']>[number];

export type LifecycleSeen = {
  readonly node: Node;
  readonly pods: readonly Pod[];
  /** Milliseconds since this controller last saw the lease or the status move, by its own clock. */
  readonly silentMs: number;
  readonly graceMs: number;
  readonly nowMs: number;
};

export type LifecycleAct =
  | {readonly type: 'conditions'; readonly node: Node; readonly conditions: readonly NodeCondition[]}
  | {readonly type: 'taints'; readonly node: Node; readonly taints: readonly Taint[]}
  | {readonly type: 'unready'; readonly pod: Pod; readonly node: Node};

const notReady = 'node.kubernetes.io/not-ready';
const unreachable = 'node.kubernetes.io/unreachable';

/** Conditions that a kubelet reports, and the taint that each of them means while it is True. */
const pressures: Readonly<Record<string, string>> = {
  MemoryPressure: 'node.kubernetes.io/memory-pressure',
  DiskPressure: 'node.kubernetes.io/disk-pressure',
  PIDPressure: 'node.kubernetes.io/pid-pressure',
  NetworkUnavailable: 'node.kubernetes.io/network-unavailable',
};

/** node-lifecycle-controller for one node: its conditions when it is silent, the taints that follow, its pods. */
export function decideLifecycle(seen: LifecycleSeen): Decision<LifecycleAct> {
  const {node, silentMs, graceMs} = seen;
  const silent = silentMs > graceMs;
  const conditions = silent ? silentConditions(seen) : undefined;
  if (conditions !== undefined) return {acts: [{type: 'conditions', node, conditions}]};
  const acts: LifecycleAct[] = [];
  const taints = wantedTaints(node, seen.nowMs);
  if (taints !== undefined) acts.push({type: 'taints', node, taints});
  if (conditionOf(node, 'Ready')?.status !== 'True' && conditionOf(node, 'Ready') !== undefined)
    for (const pod of seen.pods)
      if (isPodReady(pod) && !isTerminal(pod)) acts.push({type: 'unready', pod, node});
  return silent ? {acts} : {acts, againInMs: graceMs - silentMs + 10};
}

/** Unknown for all that a kubelet used to tell; undefined when it says so already. */
function silentConditions({node, nowMs}: LifecycleSeen): NodeCondition[] | undefined {
  const now = timestamp(nowMs);
  const conditions = [...(node.status?.conditions ?? [])];
  let changed = false;
  for (const type of ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure']) {
    const at = conditions.findIndex((condition) => condition.type === type);
    const old = conditions[at];
    if (old?.status === 'Unknown') continue;
    changed = true;
    const next = {type, status: 'Unknown', lastTransitionTime: now};
    if (old === undefined)
      conditions.push({
        ...next,
        reason: 'NodeStatusNeverUpdated',
        message: 'Kubelet never posted node status.',
        lastHeartbeatTime: node.metadata.creationTimestamp,
      });
    else
      conditions[at] = {
        ...old,
        ...next,
        reason: 'NodeStatusUnknown',
        message: 'Kubelet stopped posting node status.',
      };
  }
  return changed ? conditions : undefined;
}

/** The node's taints with those that this controller keeps; undefined when they are right. */
function wantedTaints(node: Node, nowMs: number): Taint[] | undefined {
  const own = new Set([
    notReady,
    unreachable,
    'node.kubernetes.io/unschedulable',
    ...Object.values(pressures),
  ]);
  const before = node.spec?.taints ?? [];
  const wanted: Taint[] = before.filter((taint) => !own.has(taint.key));
  const add = (key: string, effect: 'NoSchedule' | 'NoExecute') => {
    const known = before.find((taint) => taint.key === key && taint.effect === effect);
    wanted.push(known ?? {key, effect, timeAdded: timestamp(nowMs)});
  };
  const ready = conditionOf(node, 'Ready')?.status;
  if (ready === 'Unknown')
    for (const effect of ['NoSchedule', 'NoExecute'] as const) add(unreachable, effect);
  else if (ready !== 'True') {
    add(notReady, 'NoSchedule');
    // A node that has not said anything yet only keeps pods away.
    if (ready === 'False') add(notReady, 'NoExecute');
  }
  for (const [type, key] of Object.entries(pressures))
    if (conditionOf(node, type)?.status === 'True') add(key, 'NoSchedule');
  if (node.spec?.unschedulable) add('node.kubernetes.io/unschedulable', 'NoSchedule');
  const key = (taint: Taint) => `${taint.key} ${taint.effect}`;
  const [had, has] = [before.map(key).sort().join(), wanted.map(key).sort().join()];
  return had === has ? undefined : wanted;
}

import {isDeepStrictEqual} from 'node:util';
import type {Decision} from '../../../lib/control/reconcile.ts';
import type {Pod, ReplicaSet} from '../../../lib/kubernetes.ts';
import {matchesSelector} from '../../../lib/labels.ts';
import {controllerOf} from '../owners.ts';
import {availableInMs, isActive, isPodReady} from '../pods.ts';
import {deletionOrder} from './rank.ts';

export type ReplicaSetStatus = NonNullable<ReplicaSet['status']>;

export type ReplicaSetSeen = {
  readonly replicaSet: ReplicaSet;
  /** Every pod of its namespace that it owns or that its selector matches. */
  readonly pods: readonly Pod[];
  readonly nowMs: number;
};

export type ReplicaSetAct =
  | {readonly type: 'adopt' | 'release'; readonly replicaSet: ReplicaSet; readonly pod: Pod}
  | {readonly type: 'create'; readonly replicaSet: ReplicaSet; readonly count: number}
  | {readonly type: 'delete'; readonly replicaSet: ReplicaSet; readonly pods: readonly Pod[]}
  | {readonly type: 'status'; readonly replicaSet: ReplicaSet; readonly status: ReplicaSetStatus};

/** controller.ReplicaSetController: burstReplicas. */
const burst = 500;

export function decideReplicaSet(seen: ReplicaSetSeen): Decision<ReplicaSetAct> {
  const {replicaSet, nowMs} = seen;
  const mine = seen.pods.filter((pod) => controllerOf(pod)?.uid === replicaSet.metadata.uid);
  const selected = (pod: Pod) => matchesSelector(replicaSet.spec?.selector, pod.metadata.labels);
  const deleting = replicaSet.metadata.deletionTimestamp !== undefined;
  const acts: ReplicaSetAct[] = [];
  for (const pod of mine) if (!selected(pod)) acts.push({type: 'release', replicaSet, pod});
  const orphans = deleting
    ? []
    : seen.pods.filter((pod) => controllerOf(pod) === undefined && selected(pod) && isActive(pod));
  for (const pod of orphans) acts.push({type: 'adopt', replicaSet, pod});
  const owned = mine.filter(selected);
  const active = [...owned.filter(isActive), ...orphans];
  const missing = (replicaSet.spec?.replicas ?? 1) - active.length;
  if (!deleting && missing > 0) acts.push({type: 'create', replicaSet, count: Math.min(missing, burst)});
  if (!deleting && missing < 0)
    acts.push({type: 'delete', replicaSet, pods: deletionOrder(active).slice(0, Math.min(-missing, burst))});
  const {status, againInMs} = computeStatus(replicaSet, active, owned, nowMs);
  if (!isDeepStrictEqual({...replicaSet.status}, status)) acts.push({type: 'status', replicaSet, status});
  return againInMs === undefined ? {acts} : {acts, againInMs};
}

function computeStatus(
  replicaSet: ReplicaSet,
  active: readonly Pod[],
  owned: readonly Pod[],
  nowMs: number,
): {status: ReplicaSetStatus; againInMs: number | undefined} {
  const labels = replicaSet.spec?.template?.metadata?.labels;
  const waits = active.map((pod) => availableInMs(pod, replicaSet.spec?.minReadySeconds ?? 0, nowMs));
  const soon = waits.filter((wait): wait is number => wait !== undefined && wait > 0);
  const terminating = owned.filter(
    (p) => p.metadata.deletionTimestamp !== undefined && !isFinished(p),
  ).length;
  const conditions = replicaSet.status?.conditions;
  const status: ReplicaSetStatus = {
    replicas: active.length,
    fullyLabeledReplicas: active.filter((pod) => matchesSelector({matchLabels: labels}, pod.metadata.labels))
      .length,
    readyReplicas: active.filter(isPodReady).length,
    availableReplicas: waits.filter((wait) => wait === 0).length,
    terminatingReplicas: terminating,
    observedGeneration: replicaSet.metadata.generation,
    ...(conditions === undefined ? {} : {conditions}),
  };
  return {status, againInMs: soon.length === 0 ? undefined : Math.min(...soon)};
}

const isFinished = (pod: Pod) => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';

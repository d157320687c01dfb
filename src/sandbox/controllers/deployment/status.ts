import {isDeepStrictEqual} from 'node:util';
import type {Deployment, ReplicaSet} from '../../../lib/kubernetes.ts';
import {timestamp} from '../../../lib/time.ts';
import {conditionOf, withCondition} from '../pods.ts';
import {availableIn, boundsOf, runningIn, total} from './scale.ts';

export type DeploymentStatus = NonNullable<Deployment['status']>;
type Condition = NonNullable<DeploymentStatus['conditions']>[number];

export type StatusSeen = {
  readonly deployment: Deployment;
  readonly fresh: ReplicaSet | undefined;
  readonly all: readonly ReplicaSet[];
  readonly nowMs: number;
};

/** What a Deployment's status should say, and when its progress deadline has to be looked at again. */
export function deploymentStatus(seen: StatusSeen): {status: DeploymentStatus; againInMs?: number} {
  const {deployment, fresh, all} = seen;
  const counts = countsOf(seen);
  let conditions = availability(seen, counts.availableReplicas);
  const progress = progressOf(seen, counts);
  if (progress !== undefined) conditions = settle(conditions, progress);
  const failure = fresh?.status?.conditions?.find((condition) => condition.type === 'ReplicaFailure');
  conditions = conditions.filter((condition) => condition.type !== 'ReplicaFailure');
  if (failure !== undefined)
    conditions.push({...failure, lastUpdateTime: failure.lastTransitionTime ?? timestamp(seen.nowMs)});
  const {collisionCount} = deployment.status ?? {};
  const status: DeploymentStatus = {
    observedGeneration: deployment.metadata.generation,
    ...counts,
    terminatingReplicas: total(all, (set) => set.status?.terminatingReplicas ?? 0),
    ...(collisionCount === undefined ? {} : {collisionCount}),
    conditions,
  };
  const againInMs = deadlineInMs(seen, conditions);
  return againInMs === undefined ? {status} : {status, againInMs};
}

type Counts = {
  replicas: number;
  updatedReplicas: number;
  readyReplicas: number;
  availableReplicas: number;
  unavailableReplicas: number;
};

function countsOf({fresh, all}: StatusSeen): Counts {
  const available = total(all, availableIn);
  const wanted = total(all, (set) => set.spec?.replicas ?? 0);
  return {
    replicas: total(all, runningIn),
    updatedReplicas: fresh === undefined ? 0 : runningIn(fresh),
    readyReplicas: total(all, (set) => set.status?.readyReplicas ?? 0),
    availableReplicas: available,
    unavailableReplicas: Math.max(0, wanted - available),
  };
}

function availability({deployment, nowMs}: StatusSeen, available: number): Condition[] {
  const {replicas, maxUnavailable} = boundsOf(deployment);
  const enough = available >= replicas - maxUnavailable;
  return settle(deployment.status?.conditions ?? [], {
    type: 'Available',
    status: enough ? 'True' : 'False',
    reason: enough ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable',
    message: enough
      ? 'Deployment has minimum availability.'
      : 'Deployment does not have minimum availability.',
    lastUpdateTime: timestamp(nowMs),
    lastTransitionTime: timestamp(nowMs),
  });
}

/** A condition that says nothing new keeps its times; progress is told every time that there is some. */
function settle(conditions: readonly Condition[], next: Condition): Condition[] {
  const old = conditions.find((condition) => condition.type === next.type);
  const same = old?.status === next.status && old.reason === next.reason;
  return same && next.type !== 'Progressing' ? [...conditions] : withCondition(conditions, next);
}

const named = (set: ReplicaSet | undefined, deployment: Deployment) =>
  set === undefined ? `Deployment "${deployment.metadata.name}"` : `ReplicaSet "${set.metadata.name}"`;

export function isComplete(deployment: Deployment, counts: Partial<Counts>): boolean {
  const wanted = deployment.spec?.replicas ?? 1;
  return (
    counts.updatedReplicas === wanted && counts.replicas === wanted && counts.availableReplicas === wanted
  );
}

/** The Progressing condition: complete, moving, or stuck for longer than progressDeadlineSeconds. */
function progressOf(seen: StatusSeen, counts: Counts): Condition | undefined {
  const {deployment, fresh, nowMs} = seen;
  const old = conditionOf(deployment, 'Progressing');
  const make = (status: 'True' | 'False', reason: string, message: string): Condition => ({
    type: 'Progressing',
    status,
    reason,
    message,
    lastUpdateTime: timestamp(nowMs),
    lastTransitionTime: timestamp(nowMs),
  });
  const name = named(fresh, deployment);
  if (isComplete(deployment, counts)) {
    if (old?.reason === 'NewReplicaSetAvailable' && old.message?.includes(name)) return undefined;
    return make('True', 'NewReplicaSetAvailable', `${name} has successfully progressed.`);
  }
  const known = fresh !== undefined && old?.message?.includes(`"${fresh.metadata.name}"`) === true;
  // A rollout that was complete once is not under a deadline again until there is another.
  if (deployment.spec?.paused || (known && old?.reason === 'NewReplicaSetAvailable')) return undefined;
  if (moved(deployment, counts)) return make('True', 'ReplicaSetUpdated', `${name} is progressing.`);
  if (fresh !== undefined && !known) {
    const found = old?.reason === 'DeploymentResumed';
    const [reason, verb] = found ? ['FoundNewReplicaSet', 'Found'] : ['NewReplicaSetCreated', 'Created'];
    return make('True', reason, `${verb} new replica set "${fresh.metadata.name}"`);
  }
  const left = deadlineInMs(seen, deployment.status?.conditions ?? []);
  if (left === 0) return make('False', 'ProgressDeadlineExceeded', `${name} has timed out progressing.`);
  return undefined;
}

/** deploymentutil.DeploymentProgressing: more new or ready pods, or fewer old ones, than the last status said. */
function moved({status}: Deployment, counts: Counts): boolean {
  const before = (key: keyof Counts) => status?.[key] ?? 0;
  const oldNow = counts.replicas - counts.updatedReplicas;
  return (
    counts.updatedReplicas > before('updatedReplicas') ||
    oldNow < before('replicas') - before('updatedReplicas') ||
    counts.readyReplicas > before('readyReplicas') ||
    counts.availableReplicas > before('availableReplicas')
  );
}

/** Until the progress deadline; undefined when none runs. */
function deadlineInMs({deployment, nowMs}: StatusSeen, conditions: readonly Condition[]): number | undefined {
  const progress = conditions.find((condition) => condition.type === 'Progressing');
  const seconds = deployment.spec?.progressDeadlineSeconds;
  if (seconds === undefined || deployment.spec?.paused) return undefined;
  if (progress?.lastUpdateTime === undefined || progress.status === 'False') return undefined;
  if (progress.reason === 'NewReplicaSetAvailable' || progress.reason === 'DeploymentPaused')
    return undefined;
  return Math.max(0, Date.parse(progress.lastUpdateTime) + seconds * 1000 - nowMs);
}

/** The Progressing condition while it is decided what the new ReplicaSet is, or when a pause begins or ends. */
export function withProgress(
  status: DeploymentStatus | undefined,
  reason: string,
  message: string,
  nowMs: number,
): DeploymentStatus {
  const at = timestamp(nowMs);
  const next: Condition = {
    type: 'Progressing',
    status: reason.startsWith('Deployment') ? 'Unknown' : 'True',
    reason,
    message,
    lastUpdateTime: at,
    lastTransitionTime: at,
  };
  return {...status, conditions: withCondition(status?.conditions, next)};
}

export const sameStatus = (a: DeploymentStatus | undefined, b: DeploymentStatus): boolean =>
  isDeepStrictEqual({...a}, {...b});

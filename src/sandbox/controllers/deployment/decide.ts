import type {Decision} from '../../../lib/control/reconcile.ts';
import type {Deployment, Pod, ReplicaSet} from '../../../lib/kubernetes.ts';
import {matchesSelector} from '../../../lib/labels.ts';
import {controllerOf} from '../owners.ts';
import {conditionOf, isTerminal} from '../pods.ts';
import {boundsOf, byAge, growNew, proportional, runningIn, shrinkOld, total, wantedBy} from './scale.ts';
import {type DeploymentStatus, deploymentStatus, sameStatus, withProgress} from './status.ts';
import {
  desiredAnnotation,
  historyAnnotation,
  maxAnnotation,
  revisionAnnotation,
  revisionOf,
  runsTemplate,
  templateHash,
} from './template.ts';

export type DeploymentSeen = {
  readonly deployment: Deployment;
  /** Every ReplicaSet of its namespace that it owns or that its selector matches. */
  readonly replicaSets: readonly ReplicaSet[];
  /** Pods of the sets that it owns. */
  readonly pods: readonly Pod[];
  readonly nowMs: number;
};

export type DeploymentAct =
  | {readonly type: 'adopt' | 'release'; readonly deployment: Deployment; readonly replicaSet: ReplicaSet}
  | {
      readonly type: 'create';
      readonly deployment: Deployment;
      readonly hash: string;
      readonly replicas: number;
      readonly revision: number;
      readonly bounds: ReturnType<typeof boundsOf>;
    }
  | {
      readonly type: 'change';
      readonly deployment: Deployment;
      readonly replicaSet: ReplicaSet;
      readonly replicas: number;
      readonly annotations: Record<string, string>;
    }
  | {readonly type: 'delete'; readonly replicaSet: ReplicaSet}
  | {readonly type: 'annotate'; readonly deployment: Deployment; readonly revision: number}
  | {readonly type: 'status'; readonly deployment: Deployment; readonly status: DeploymentStatus};

type Sets = {
  readonly fresh: ReplicaSet | undefined;
  readonly old: readonly ReplicaSet[];
  readonly all: readonly ReplicaSet[];
};

/** One round of a Deployment: who is ours, which set is the new one, how many each should have, what to tell. */
export function decideDeployment(seen: DeploymentSeen): Decision<DeploymentAct> {
  const {deployment} = seen;
  const ownership = decideOwnership(seen);
  if (ownership.length > 0) return {acts: ownership};
  const all = seen.replicaSets
    .filter((set) => controllerOf(set)?.uid === deployment.metadata.uid)
    .sort(byAge);
  const fresh = all.find((set) => runsTemplate(set, deployment.spec?.template));
  const sets: Sets = {fresh, old: all.filter((set) => set !== fresh), all};
  const {status, againInMs} = deploymentStatus({deployment, fresh, all, nowMs: seen.nowMs});
  const shown = pauseShown(seen, status);
  const acts = deployment.metadata.deletionTimestamp === undefined ? decideSets(seen, sets) : [];
  if (!sameStatus(deployment.status, shown)) acts.push({type: 'status', deployment, status: shown});
  return againInMs === undefined ? {acts} : {acts, againInMs: Math.max(againInMs, 100)};
}

function decideOwnership({deployment, replicaSets}: DeploymentSeen): DeploymentAct[] {
  const selected = (set: ReplicaSet) => matchesSelector(deployment.spec?.selector, set.metadata.labels);
  return replicaSets.flatMap((replicaSet): DeploymentAct[] => {
    const owner = controllerOf(replicaSet);
    if (owner?.uid === deployment.metadata.uid && !selected(replicaSet))
      return [{type: 'release', deployment, replicaSet}];
    const orphan =
      owner === undefined && selected(replicaSet) && replicaSet.metadata.deletionTimestamp === undefined;
    return orphan && deployment.metadata.deletionTimestamp === undefined
      ? [{type: 'adopt', deployment, replicaSet}]
      : [];
  });
}

/** A pause stops the progress deadline; going on starts it again. */
function pauseShown({deployment, nowMs}: DeploymentSeen, status: DeploymentStatus): DeploymentStatus {
  const reason = conditionOf({status}, 'Progressing')?.reason;
  if (deployment.spec?.progressDeadlineSeconds === undefined) return status;
  if (deployment.spec.paused && reason !== 'DeploymentPaused' && reason !== 'ProgressDeadlineExceeded')
    return withProgress(status, 'DeploymentPaused', 'Deployment is paused', nowMs);
  if (!deployment.spec.paused && reason === 'DeploymentPaused')
    return withProgress(status, 'DeploymentResumed', 'Deployment is resumed', nowMs);
  return status;
}

function decideSets(seen: DeploymentSeen, sets: Sets): DeploymentAct[] {
  const {deployment} = seen;
  const {fresh, old, all} = sets;
  const bounds = boundsOf(deployment);
  const revision = Math.max(0, ...old.map(revisionOf)) + 1;
  const active = all.filter((set) => wantedBy(set) > 0);
  if (deployment.spec?.paused || isScaling(deployment, active)) {
    const scaling = scaleOnly(deployment, active, fresh, all);
    const cleanup = deployment.spec?.paused ? decideCleanup(deployment, sets) : [];
    return [...changes(seen, all, scaling, fresh, undefined), ...cleanup];
  }
  const recreate = deployment.spec?.strategy?.type === 'Recreate';
  if (recreate && oldStillThere(seen, old))
    return changes(
      seen,
      old,
      new Map(old.map((set): [ReplicaSet, number] => [set, 0])),
      undefined,
      undefined,
    );
  if (fresh === undefined) {
    const room = recreate ? bounds.replicas : bounds.replicas + bounds.maxSurge - total(all, wantedBy);
    const hash = templateHash(deployment.spec?.template, deployment.status?.collisionCount);
    const replicas = Math.max(0, Math.min(bounds.replicas, room));
    const create: DeploymentAct = {type: 'create', deployment, hash, replicas, revision, bounds};
    return [create, ...annotation(deployment, revision)];
  }
  const scaling = new Map<ReplicaSet, number>([
    [fresh, recreate ? bounds.replicas : growNew(bounds, fresh, all)],
  ]);
  if (scaling.get(fresh) === wantedBy(fresh) && !recreate)
    for (const [set, count] of shrinkOld(bounds, fresh, old)) scaling.set(set, count);
  const newest = Math.max(revision, revisionOf(fresh));
  const acts = changes(seen, all, scaling, fresh, newest);
  return [...acts, ...annotation(deployment, newest), ...decideCleanup(deployment, sets)];
}

function annotation(deployment: Deployment, revision: number): DeploymentAct[] {
  return revisionOf(deployment) === revision ? [] : [{type: 'annotate', deployment, revision}];
}

/** Recreate: nothing new while anything old still runs, pods on their way out included. */
function oldStillThere({pods}: DeploymentSeen, old: readonly ReplicaSet[]): boolean {
  const uids = new Set(old.map((set) => set.metadata.uid));
  return (
    old.some((set) => wantedBy(set) > 0 || runningIn(set) > 0) ||
    pods.some((pod) => uids.has(controllerOf(pod)?.uid ?? '') && !isTerminal(pod))
  );
}

/** The Deployment's own size changed: the annotation on its active sets still says another. */
function isScaling(deployment: Deployment, active: readonly ReplicaSet[]): boolean {
  return active.some((set) => {
    const desired = set.metadata.annotations?.[desiredAnnotation];
    return desired !== undefined && Number(desired) !== (deployment.spec?.replicas ?? 1);
  });
}

function scaleOnly(
  deployment: Deployment,
  active: readonly ReplicaSet[],
  fresh: ReplicaSet | undefined,
  all: readonly ReplicaSet[],
): ReadonlyMap<ReplicaSet, number> {
  const {replicas} = boundsOf(deployment);
  const [only] = active.length > 0 ? active : [fresh ?? all.at(-1)];
  if (active.length <= 1) return only === undefined ? new Map() : new Map([[only, replicas]]);
  if (deployment.spec?.strategy?.type === 'Recreate') return new Map();
  const saturated =
    fresh !== undefined &&
    wantedBy(fresh) === replicas &&
    (fresh.status?.availableReplicas ?? 0) === replicas;
  if (saturated)
    return new Map(active.filter((set) => set !== fresh).map((set): [ReplicaSet, number] => [set, 0]));
  const before = Number(active[0]?.metadata.annotations?.[maxAnnotation] ?? Number.NaN);
  return proportional(boundsOf(deployment), active, Number.isNaN(before) ? undefined : before);
}

/** Sets whose size or annotations differ from what they should be. */
function changes(
  {deployment}: DeploymentSeen,
  sets: readonly ReplicaSet[],
  scaling: ReadonlyMap<ReplicaSet, number>,
  fresh: ReplicaSet | undefined,
  revision: number | undefined,
): DeploymentAct[] {
  const {replicas, maxSurge} = boundsOf(deployment);
  return sets.flatMap((replicaSet): DeploymentAct[] => {
    const count = scaling.get(replicaSet) ?? wantedBy(replicaSet);
    const annotations: Record<string, string> = {};
    if (count > 0 || scaling.has(replicaSet)) {
      annotations[desiredAnnotation] = String(replicas);
      annotations[maxAnnotation] = String(replicas + maxSurge);
    }
    if (replicaSet === fresh && revision !== undefined)
      Object.assign(annotations, revisionNotes(replicaSet, revision));
    const noted = replicaSet.metadata.annotations ?? {};
    const same = Object.entries(annotations).every(([key, value]) => noted[key] === value);
    if (count === wantedBy(replicaSet) && same) return [];
    return [{type: 'change', deployment, replicaSet, replicas: count, annotations}];
  });
}

/** A set that is the new one again (a rollback) takes the next revision and remembers those it had. */
function revisionNotes(set: ReplicaSet, revision: number): Record<string, string> {
  const had = revisionOf(set);
  if (had === revision) return {};
  const history = (set.metadata.annotations?.[historyAnnotation] ?? '')
    .split(',')
    .filter((entry) => entry !== '');
  const notes = {[revisionAnnotation]: String(revision)};
  return had === 0 ? notes : {...notes, [historyAnnotation]: [...history, String(had)].join(',')};
}

/** Of the old sets that are empty, the newest `revisionHistoryLimit` stay. */
function decideCleanup(deployment: Deployment, {fresh, old}: Sets): DeploymentAct[] {
  const limit = deployment.spec?.revisionHistoryLimit ?? 10;
  const done = deployment.status?.updatedReplicas === (deployment.spec?.replicas ?? 1) && fresh !== undefined;
  if (!done) return [];
  const empty = old.filter(
    (set) =>
      wantedBy(set) === 0 &&
      runningIn(set) === 0 &&
      set.metadata.deletionTimestamp === undefined &&
      (set.status?.observedGeneration ?? 0) >= (set.metadata.generation ?? 0),
  );
  const surplus = old.length - limit;
  if (surplus <= 0) return [];
  return [...empty]
    .sort((a, b) => revisionOf(a) - revisionOf(b))
    .slice(0, surplus)
    .map((replicaSet) => ({type: 'delete', replicaSet}));
}

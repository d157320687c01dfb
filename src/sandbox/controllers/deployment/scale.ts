import type {Deployment, ReplicaSet} from '../../../lib/kubernetes.ts';

export type Bounds = {readonly replicas: number; readonly maxSurge: number; readonly maxUnavailable: number};

/** deploymentutil.ResolveFenceposts: surge rounds up, unavailability down, and not both may be nothing. */
export function boundsOf(deployment: Deployment): Bounds {
  const replicas = deployment.spec?.replicas ?? 1;
  if (deployment.spec?.strategy?.type === 'Recreate') return {replicas, maxSurge: 0, maxUnavailable: 0};
  const rolling = deployment.spec?.strategy?.rollingUpdate;
  const maxSurge = resolve(rolling?.maxSurge ?? '25%', replicas, Math.ceil);
  const maxUnavailable = resolve(rolling?.maxUnavailable ?? '25%', replicas, Math.floor);
  const bound = maxSurge === 0 && maxUnavailable === 0 ? 1 : maxUnavailable;
  return {replicas, maxSurge, maxUnavailable: Math.min(bound, Math.max(replicas, 1))};
}

function resolve(value: string | number, total: number, round: (n: number) => number): number {
  return typeof value === 'number' ? value : round((Number.parseInt(value, 10) * total) / 100);
}

export const wantedBy = (set: ReplicaSet): number => set.spec?.replicas ?? 0;
export const runningIn = (set: ReplicaSet): number => set.status?.replicas ?? 0;
export const availableIn = (set: ReplicaSet): number => set.status?.availableReplicas ?? 0;
export const total = (sets: readonly ReplicaSet[], of: (set: ReplicaSet) => number): number =>
  sets.reduce((sum, set) => sum + of(set), 0);

export const byAge = (a: ReplicaSet, b: ReplicaSet): number => {
  const [left, right] = [a.metadata.creationTimestamp ?? '', b.metadata.creationTimestamp ?? ''];
  return left.localeCompare(right) || a.metadata.name.localeCompare(b.metadata.name);
};

export type Scaling = ReadonlyMap<ReplicaSet, number>;

/** The new set grows as far as the surge allows. */
export function growNew(bounds: Bounds, fresh: ReplicaSet, all: readonly ReplicaSet[]): number {
  const {replicas, maxSurge} = bounds;
  if (wantedBy(fresh) > replicas) return replicas;
  const room = replicas + maxSurge - total(all, wantedBy);
  return room <= 0 ? wantedBy(fresh) : Math.min(replicas, wantedBy(fresh) + room);
}

/** Old sets shrink: first what is not healthy, then as far as enough stay available. */
export function shrinkOld(bounds: Bounds, fresh: ReplicaSet, old: readonly ReplicaSet[]): Scaling {
  const scaling = new Map<ReplicaSet, number>();
  const minAvailable = bounds.replicas - bounds.maxUnavailable;
  const newUnavailable = wantedBy(fresh) - availableIn(fresh);
  let budget = total(old, wantedBy) + wantedBy(fresh) - minAvailable - newUnavailable;
  if (budget <= 0) return scaling;
  const left = (set: ReplicaSet) => scaling.get(set) ?? wantedBy(set);
  for (const set of [...old].sort(byAge)) {
    const unhealthy = Math.max(0, left(set) - availableIn(set));
    const cut = Math.min(budget, unhealthy);
    if (cut > 0) scaling.set(set, left(set) - cut);
    budget -= cut;
  }
  let spare = total([fresh, ...old], availableIn) - minAvailable;
  for (const set of [...old].sort(byAge)) {
    const cut = Math.min(left(set), Math.max(0, spare));
    if (cut > 0) scaling.set(set, left(set) - cut);
    spare -= cut;
  }
  return scaling;
}

/** A Deployment scaled in the middle of a rollout: each set takes its share (kubectl's proportional scaling). */
export function proportional(
  bounds: Bounds,
  sets: readonly ReplicaSet[],
  maxBefore: number | undefined,
): Scaling {
  const active = [...sets].sort((a, b) => wantedBy(b) - wantedBy(a) || byAge(a, b));
  const now = total(active, wantedBy);
  const allowed = bounds.replicas > 0 ? bounds.replicas + bounds.maxSurge : 0;
  let left = allowed - now;
  const scaling = new Map<ReplicaSet, number>();
  if (left === 0 || now === 0) return scaling;
  const growing = left > 0;
  const base = maxBefore ?? now;
  for (const set of active) {
    const share = Math.round((wantedBy(set) * allowed) / base) - wantedBy(set);
    const change = growing ? Math.min(Math.max(share, 0), left) : Math.max(Math.min(share, 0), left);
    scaling.set(set, Math.max(0, wantedBy(set) + change));
    left -= change;
  }
  const [first] = active;
  if (first !== undefined && left !== 0) scaling.set(first, Math.max(0, (scaling.get(first) ?? 0) + left));
  return scaling;
}

import type {ActivePod} from '../admission/types.ts';
import {wasAdmitted} from '../pod/apply/admit-pod.ts';
import {isTerminal} from '../pod/status/phase.ts';
import {isAlive} from '../pod/status/runtime-state.ts';
import type {PodWorkers} from '../pod/worker.ts';
import {withAllocation} from '../resize/allocation.ts';
import type {ResourceRecords} from '../resize/records.ts';
import type {RuntimeCache} from '../runtime/cache.ts';
import type {PodStore} from './pod-store.ts';

/** Pods of which something still runs though no source knows them any more, and those that are being ended. */
export function leavingPods(
  active: readonly ActivePod[],
  workers: Pick<PodWorkers, 'uids'>,
  runtime: Pick<RuntimeCache, 'peek'>,
): ReadonlySet<string> {
  const known = new Set(active.map(({pod}) => pod.metadata.uid));
  const alive = workers.uids().filter((uid) => runtime.peek(uid)?.containers.some(isAlive) === true);
  const ending = active.filter((pod) => pod.ending).map(({pod}) => pod.metadata.uid);
  return new Set([...ending, ...alive.filter((uid) => !known.has(uid))]);
}

/**
 * The pods that hold a part of the node, with what they were given: admitted here or earlier, and not finished. One whose
 * end somebody has only told holds it as long as something of it runs (kubelet_pods.go, filterOutInactivePods).
 */
export function activePods(
  store: PodStore,
  workers: Pick<PodWorkers, 'standing' | 'status'>,
  runtime: Pick<RuntimeCache, 'peek'>,
  records: Pick<ResourceRecords, 'get'>,
): ActivePod[] {
  return store.all().flatMap(({pod, isStatic}) => {
    const {uid, deletionTimestamp} = pod.metadata;
    const standing = workers.standing(uid);
    const seen = runtime.peek(uid);
    const isOver = isTerminal(pod.status?.phase) || isTerminal(workers.status(uid)?.phase);
    if (isOver && seen?.containers.some(isAlive) !== true) return [];
    if (standing === 'unknown' && !wasAdmitted(pod, seen)) return [];
    const given = withAllocation(pod, records.get(uid)?.allocated);
    const ending = isOver || standing === 'ending' || deletionTimestamp !== undefined;
    return [{pod: given, isStatic, ending}];
  });
}

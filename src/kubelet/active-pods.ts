import type {ActivePod} from './admission/types.ts';
import {wasAdmitted} from './pod/admit-pod.ts';
import {isTerminal} from './pod/phase.ts';
import type {PodWorkers} from './pod/worker.ts';
import type {PodStore} from './pod-store.ts';
import {withAllocation} from './resize/allocation.ts';
import type {ResourceRecords} from './resize/records.ts';
import type {RuntimeCache} from './runtime/cache.ts';

/** The pods that hold a part of the node, with what they were given: admitted here or earlier, and not finished. */
export function activePods(
  store: PodStore,
  workers: PodWorkers,
  runtime: RuntimeCache,
  records: ResourceRecords,
): ActivePod[] {
  return store.all().flatMap(({pod, isStatic}) => {
    const {uid, deletionTimestamp} = pod.metadata;
    const standing = workers.standing(uid);
    if (isTerminal(pod.status?.phase) || isTerminal(workers.status(uid)?.phase)) return [];
    if (standing === 'unknown' && !wasAdmitted(pod, runtime.peek(uid))) return [];
    const given = withAllocation(pod, records.get(uid)?.allocated);
    return [{pod: given, isStatic, ending: standing === 'ending' || deletionTimestamp !== undefined}];
  });
}

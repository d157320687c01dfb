import {qosClass} from '../../config/pod/qos.ts';
import type {PodMemory} from './config/resources/memory.ts';

/**
 * Pods that may use room which another has left, the most urgent first: not admitted yet, or with a resize that waits.
 * A UID without a pod waits for nothing. It is forgotten in its next round, and would wake the others in turn: two of
 * them would keep each other awake for ever.
 */
export function roomWaiters(memories: Iterable<PodMemory>, grows: (uid: string) => boolean): string[] {
  return [...memories]
    .filter(
      ({admitted, lastPod, resize}) =>
        lastPod !== undefined && (!admitted || resize?.pending?.reason === 'Deferred'),
    )
    .map((memory) => ({memory, grows: !memory.admitted || grows(memory.uid)}))
    .sort((a, b) => Number(a.grows) - Number(b.grows) || byUrgency(a.memory, b.memory))
    .map(({memory: {uid}}) => uid);
}

/** What makes room comes before; then priority, the better QoS class, the longer wait (sortPendingResizes). */
function byUrgency(a: PodMemory, b: PodMemory): number {
  const priority = ({lastPod}: PodMemory) => lastPod?.spec.priority ?? 0;
  const isGuaranteed = ({lastPod}: PodMemory) =>
    Number(lastPod !== undefined && qosClass(lastPod.spec) === 'Guaranteed');
  const since = ({resize}: PodMemory) => resize?.pending?.sinceMs ?? 0;
  return priority(b) - priority(a) || isGuaranteed(b) - isGuaranteed(a) || since(a) - since(b);
}

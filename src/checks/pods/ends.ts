import type {Pod} from '../../lib/kubernetes.ts';
import {type Finding, warning} from '../check.ts';
import {agoText} from '../node/ago.ts';
import {nodeCheck} from '../node/context.ts';
import {podCauses, podName} from './waiting.ts';

/** deletionTimestamp is when the grace period ends; the kubelet then has to kill, unmount and tell. */
const lateMs = 60_000;
/** Whoever holds a pod by a finalizer should let it go as soon as nothing of it runs. */
const heldMs = 10_000;

export const podEnds = nodeCheck({
  name: 'PodEnds',
  category: 'pods',
  codes: ['ND753'],
  looks: 'reads since when pods should have ended',
  after: ['Authorized'],
  blames: podCauses,
  observe: ({sight}) => sight.pods(),
  judge: (seen, {nowMs}) => (seen.kind === 'there' ? judgeEnds(seen.object, nowMs) : []),
});

function isHeld({metadata: {finalizers = []}, status}: Pod): boolean {
  const all = status?.containerStatuses ?? [];
  return finalizers.length > 0 && all.every(({state}) => state?.running === undefined);
}

export function judgeEnds(pods: readonly Pod[], nowMs: number): readonly Finding[] {
  const late = pods.flatMap((pod) => {
    const overMs = nowMs - Date.parse(pod.metadata.deletionTimestamp ?? '');
    return overMs > (isHeld(pod) ? heldMs : lateMs) ? [{pod, overMs}] : [];
  });
  const [first] = late;
  if (first === undefined) return [];
  const {namespace, name, finalizers = []} = first.pod.metadata;
  const held = finalizers.length === 0 ? '' : `\nits finalizers: ${finalizers.join(', ')}`;
  const what =
    late.length === 1
      ? `${podName(first.pod)} should have ended ${agoText(first.overMs)} ago${held}`
      : `${late.length} pods should have ended\n${late
          .map(({pod}) => podName(pod))
          .slice(0, 3)
          .join(', ')}`;
  return [warning('ND753', what, `kubectl -n ${namespace} describe pod ${name}`)];
}

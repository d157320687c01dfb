import type {Finding} from '../check.ts';
import {agoText} from '../node/ago.ts';
import {nodeCheck} from '../node/context.ts';
import {imageReasons} from './images.ts';
import {describe, podCauses, together, type Waiting, waitingContainers} from './waiting.ts';

/** Reasons for which waiting alone does not help. */
const hopeless = [
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
  'PostStartHookError',
];
const slowMs = 120_000;

export const podStarts = nodeCheck({
  name: 'PodStarts',
  category: 'pods',
  codes: ['ND751'],
  after: ['Authorized'],
  blames: podCauses,
  observe: ({sight}) => sight.pods(),
  judge: (seen, {nowMs}) => (seen.kind === 'there' ? judgeStarts(waitingContainers(seen.object, nowMs)) : []),
});

/** Images and crashes have findings of their own; an init container that runs makes the others wait rightly. */
export function judgeStarts(waiting: readonly Waiting[]): readonly Finding[] {
  const stuck = waiting.filter(
    ({reason, ageMs}) =>
      hopeless.includes(reason) ||
      (ageMs > slowMs && ![...imageReasons, 'CrashLoopBackOff', 'PodInitializing'].includes(reason)),
  );
  return together(
    'ND751',
    stuck,
    ({pod, ageMs}, count) =>
      count === 1 ? `${pod} has not started for ${agoText(ageMs)}` : `${count} pods do not start`,
    describe,
  );
}

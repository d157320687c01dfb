import {type Load, readLoad} from '../../edges/machine/load.ts';
import {sandboxFault} from '../../lib/codes/spoken.ts';
import type {Finding} from '../check.ts';
import {judgeLoad} from '../host/kernel/overload.ts';
import {agoText} from '../node/ago.ts';
import {nodeCheck} from '../node/context.ts';
import {imageReasons} from './images.ts';
import {sandboxReasons, type Trouble, troubleOf, troublesOf, volumeReasons} from './troubles.ts';
import {briefly, podCauses, together, type Waiting, waitingContainers, withCause} from './waiting.ts';

/** Reasons for which waiting alone does not help. */
const hopeless = [
  'CreateContainerConfigError',
  'CreateContainerError',
  'RunContainerError',
  'PostStartHookError',
  'FailedCreatePodSandBox',
];
const slowMs = 120_000;

export const podStarts = nodeCheck({
  name: 'PodStarts',
  category: 'pods',
  codes: ['ND751', 'ND115'],
  looks: 'reads why containers wait, and for how long',
  after: ['Authorized'],
  blames: [...podCauses, 'PodSandboxes'],
  async observe({sight, nowMs}) {
    const [pods, log] = await Promise.all([sight.pods(), sight.kubeletLog()]);
    const waiting = pods.kind === 'there' ? waitingContainers(pods.object, nowMs) : [];
    return {waiting, troubles: troublesOf(log, nowMs), load: await readLoad()};
  },
  judge: ({waiting, troubles, load}) => judgeStarts(withTroubles(waiting, troubles), load),
});

/** Volumes and networks have findings of their own; another sandbox that fails is told with the runtime's words. */
export function withTroubles(waiting: readonly Waiting[], troubles: readonly Trouble[]): readonly Waiting[] {
  return waiting.flatMap((one): Waiting[] => {
    if (troubleOf(one.pod, troubles, volumeReasons) !== undefined) return [];
    const sandbox = troubleOf(one.pod, troubles, sandboxReasons);
    if (sandbox === undefined) return [one];
    const {reason, message} = sandbox;
    return sandboxFault(message) === 'other' ? [{...one, reason, message}] : [];
  });
}

/** Images and crashes have findings of their own; an init container that runs makes the others wait rightly. */
export function judgeStarts(waiting: readonly Waiting[], load?: Load): readonly Finding[] {
  const stuck = waiting.filter(
    ({reason, ageMs}) =>
      hopeless.includes(reason) ||
      (ageMs > slowMs && ![...imageReasons, 'CrashLoopBackOff', 'PodInitializing'].includes(reason)),
  );
  const slow = stuck.filter(({reason, message}) => !hopeless.includes(reason) && message === '');
  const strained = load === undefined || slow.length === 0 ? [] : judgeLoad(load, slowly(slow));
  if (strained.length > 0) {
    // Nobody complains: they only wait for their turn.
    const others = stuck.filter((one) => !slow.includes(one));
    return [...strained, ...judgeStarts(others)];
  }
  const {why, next} = withCause(stuck);
  return together(
    'ND751',
    briefly(stuck),
    ({pod, ageMs}, count) =>
      count === 1 ? `${pod} has not started for ${agoText(ageMs)}${why}` : `${count} pods do not start${why}`,
    next,
  );
}

function slowly([first, ...more]: readonly Waiting[]): string {
  const others = more.length === 0 ? '' : ` and ${more.length} more`;
  return `pods start slowly\n${first?.pod ?? ''}${others}: no error is told`;
}

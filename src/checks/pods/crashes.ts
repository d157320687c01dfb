import type {Finding} from '../check.ts';
import {nodeCheck} from '../node/context.ts';
import {type Trouble, troublesOf} from './troubles.ts';
import {briefly, podCauses, together, type Waiting, waitingContainers} from './waiting.ts';

export const podCrashes = nodeCheck({
  name: 'PodCrashes',
  category: 'pods',
  codes: ['ND752'],
  looks: 'reads the states of the containers of this node’s pods',
  after: ['Authorized'],
  blames: podCauses,
  async observe({sight, nowMs}) {
    const [pods, log] = await Promise.all([sight.pods(), sight.kubeletLog()]);
    const waiting = pods.kind === 'there' ? waitingContainers(pods.object, nowMs) : [];
    return {waiting, troubles: troublesOf(log, nowMs)};
  },
  judge: ({waiting, troubles}) => judgeCrashes(waiting.map((one) => endedByUs(one, troubles))),
});

/** What the kubelet ended ends well, or by its signals; that tells nothing. */
export function endedByUs(one: Waiting, troubles: readonly Trouble[]): Waiting {
  if (!/^exit (0|137|143)\b/.test(one.endedBy ?? '')) return one;
  const hook = troubles.some(({pod, reason}) => pod === one.pod && reason === 'FailedPostStartHook');
  if (hook) return {...one, endedBy: 'its postStart hook fails'};
  const probe = troubles.find(({pod, message}) => pod === one.pod && killing.test(message));
  if (probe === undefined) return one;
  const [, kind = '', why = ''] = killing.exec(probe.message) ?? [];
  return {...one, endedBy: `its ${kind.toLowerCase()} probe fails`, message: why};
}

const killing = /^(Liveness|Startup) probe (?:failed|errored)[^:]*: (.*)/s;

export function judgeCrashes(waiting: readonly Waiting[]): readonly Finding[] {
  return together(
    'ND752',
    // What the kernel ended for its memory has a finding of its own.
    briefly(
      waiting.filter(({reason, ended}) => reason === 'CrashLoopBackOff' && ended !== 'OOMKilled'),
      ({endedBy}) => endedBy,
    ),
    ({pod, endedBy}, count) =>
      count === 1
        ? `${pod} ends again and again${endedBy === undefined ? '' : `: ${endedBy}`}`
        : `${count} pods end again and again`,
    logsOf,
  );
}

function logsOf({pod, container}: Waiting): string {
  const [namespace = '', name = ''] = pod.split('/');
  return `kubectl -n ${namespace} logs --previous ${name} -c ${container}`;
}

import type {Finding} from '../check.ts';
import {nodeCheck} from '../node/context.ts';
import {briefly, podCauses, together, type Waiting, waitingContainers} from './waiting.ts';

export const podCrashes = nodeCheck({
  name: 'PodCrashes',
  category: 'pods',
  codes: ['ND752'],
  looks: 'reads the states of the containers of this node’s pods',
  after: ['Authorized'],
  blames: podCauses,
  observe: ({sight}) => sight.pods(),
  judge: (seen, {nowMs}) =>
    seen.kind === 'there' ? judgeCrashes(waitingContainers(seen.object, nowMs)) : [],
});

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

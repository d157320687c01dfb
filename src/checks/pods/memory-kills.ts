import type {ContainerStatus, Pod} from '../../lib/kubernetes.ts';
import type {Finding} from '../check.ts';
import {agoText} from '../node/ago.ts';
import {nodeCheck} from '../node/context.ts';
import {describe, podName, together, type Waiting} from './waiting.ts';

const lately = 3_600_000;

export const podMemory = nodeCheck({
  name: 'PodMemory',
  category: 'pods',
  codes: ['ND754'],
  looks: 'reads how the containers of this node’s pods ended last',
  after: ['Authorized'],
  observe: ({sight}) => sight.pods(),
  judge: (seen, {nowMs}) => (seen.kind === 'there' ? judgeMemoryKills(seen.object, nowMs) : []),
});

/** A container that the kernel ended at its memory limit, now or before its last start. */
export function endedByMemory({state, lastState}: ContainerStatus): boolean {
  return (state?.terminated ?? lastState?.terminated)?.reason === 'OOMKilled';
}

export function judgeMemoryKills(pods: readonly Pod[], nowMs: number): readonly Finding[] {
  const killed = pods
    .filter(({metadata}) => metadata.deletionTimestamp === undefined)
    .flatMap((pod) =>
      (pod.status?.containerStatuses ?? []).filter(endedByMemory).map((status): Waiting => {
        const ended = (status.state?.terminated ?? status.lastState?.terminated)?.finishedAt ?? '';
        const limit = pod.spec.containers.find(({name}) => name === status.name)?.resources?.limits?.memory;
        return {
          pod: podName(pod),
          container: status.name,
          reason: status.name,
          message: limit === undefined ? '' : `its limit is ${limit}`,
          ageMs: nowMs - Date.parse(ended),
        };
      }),
    )
    .filter(({ageMs}) => ageMs < lately);
  return together(
    'ND754',
    killed,
    ({pod, ageMs}, count) =>
      count === 1
        ? `${pod} was ended for its memory ${agoText(ageMs)} ago`
        : `${count} pods were ended for their memory`,
    describe,
  );
}

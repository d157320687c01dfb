import type {Node} from '../../lib/kubernetes.ts';
import {type Finding, failure} from '../check.ts';
import {nodeCheck} from '../node/context.ts';

/** What shows who uses up what is short; nothing of a network that its add-on calls unavailable. */
const shows: Readonly<Record<string, readonly string[]>> = {
  DiskPressure: ['df -h; df -i', 'sudo nodectl images prune'],
  MemoryPressure: ['ps aux --sort=-rss | head'],
  PIDPressure: ["ps -eLf | awk '{print $10}' | sort | uniq -c | sort -n | tail"],
  NetworkUnavailable: [],
};

export const nodePressure = nodeCheck({
  name: 'NodePressure',
  category: 'kubelet',
  codes: ['ND744'],
  looks: 'reads the pressure conditions of the Node',
  after: ['NodeObject'],
  blames: ['DiskRoom', 'MemoryRoom', 'ProcessNumbers', 'KubeletService'],
  observe: ({sight}) => sight.node(),
  judge: (seen) => (seen.kind === 'there' ? judgePressure(seen.object) : []),
});

/** The kubelet keeps a pressure for five minutes after it has gone, so what is seen now need not explain it. */
export function judgePressure({metadata, status}: Node): readonly Finding[] {
  return (status?.conditions ?? []).flatMap(({type, status: value, message, lastTransitionTime}) => {
    const steps = shows[type];
    if (steps === undefined || value !== 'True') return [];
    const since = lastTransitionTime === undefined ? '' : ` since ${lastTransitionTime}`;
    const text = `the node reports ${type}\n${message ?? ''}${since}`;
    return [failure('ND744', text, ...steps, `kubectl describe node ${metadata.name}`)];
  });
}

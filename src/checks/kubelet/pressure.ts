import type {Node} from '../../lib/kubernetes.ts';
import {type Finding, failure} from '../check.ts';
import {nodeCheck} from '../node/context.ts';

const kinds = ['DiskPressure', 'MemoryPressure', 'PIDPressure', 'NetworkUnavailable'];

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

export function judgePressure(node: Node): readonly Finding[] {
  return (node.status?.conditions ?? [])
    .filter(({type, status}) => kinds.includes(type) && status === 'True')
    .map(({type, message}) => failure('ND744', `the node reports ${type}\n${message ?? ''}`));
}

import type {Node} from '../../lib/kubernetes.ts';
import {type Finding, failure} from '../check.ts';
import {nodeCheck, type Told} from '../node/context.ts';

/** What the Node object tells of its machine, against this machine: clones and shared names are found by it. */
export const sameMachine = nodeCheck({
  name: 'SameMachine',
  category: 'identity',
  codes: ['ND204'],
  looks: 'compares the machine-id of the Node object with this machine’s',
  after: ['NodeObject'],
  blames: ['KubeletService', 'KubeletHealth'],
  async observe({sight, machine}) {
    return {node: await sight.node(), machineId: machine.machineId};
  },
  judge: ({node, machineId}) => judgeIdentity(node, machineId),
});

export function judgeIdentity(node: Told<Node>, machineId: string): readonly Finding[] {
  if (node.kind !== 'there') return [];
  const {name} = node.object.metadata;
  const told = node.object.status?.nodeInfo?.machineID ?? '';
  if (told === '' || machineId === '' || told === machineId) return [];
  return [
    failure(
      'ND204',
      `another machine serves as node ${name}\nthe cluster knows machine-id ${told}\nthis machine has ${machineId}`,
      `kubectl get node ${name} -o wide`,
      'sudo nodectl reset && sudo nodectl join … --node-name OTHER',
    ),
  ];
}

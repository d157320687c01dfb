import type {Node} from '../../lib/kubernetes.ts';
import {type Finding, failure} from '../check.ts';
import {agoText} from '../node/ago.ts';
import {nodeCheck} from '../node/context.ts';

export const nodeReady = nodeCheck({
  name: 'NodeReady',
  category: 'kubelet',
  codes: ['ND742'],
  looks: 'reads the Ready condition of the Node',
  after: ['NodeObject'],
  blames: [
    'DiskRoom',
    'KubeletService',
    'KubeletHealth',
    'ContainerRuntime',
    'RuntimeReady',
    'CNIConfig',
    'PodNetwork',
  ],
  observe: ({sight}) => sight.node(),
  judge: (seen, {nowMs}) => (seen.kind === 'there' ? judgeReady(seen.object, nowMs) : []),
});

export function judgeReady(node: Node, nowMs: number): readonly Finding[] {
  const condition = node.status?.conditions?.find(({type}) => type === 'Ready');
  if (condition?.status === 'True') return [];
  if (condition === undefined) return [failure('ND742', 'the node has no Ready condition yet')];
  const since = Date.parse(condition.lastTransitionTime ?? '');
  const age = Number.isNaN(since) ? '' : ` for ${agoText(nowMs - since)}`;
  const what =
    condition.status === 'Unknown' ? 'the cluster does not hear from this node' : 'the node is not Ready';
  const words = [condition.reason, condition.message].filter((word) => word !== undefined && word !== '');
  return [failure('ND742', `${what}${age}\n${words.join(': ')}`)];
}

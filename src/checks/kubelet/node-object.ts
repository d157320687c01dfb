import {failure} from '../check.ts';
import {command, nodeCheck} from '../node/context.ts';

export const nodeObject = nodeCheck({
  name: 'NodeObject',
  category: 'kubelet',
  codes: ['ND741'],
  looks: 'reads the Node object',
  after: ['Authorized'],
  observe: ({sight}) => sight.node(),
  judge: (seen, context) =>
    seen.kind === 'missing'
      ? [failure('ND741', 'the cluster does not know this node', command(context, 'restart kubelet'))]
      : [],
});

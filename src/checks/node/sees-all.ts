import {warning} from '../check.ts';
import {command, nodeCheck} from './context.ts';

/** What only root can see is left out for others, and they are told. */
export const seesAll = nodeCheck({
  name: 'Root',
  category: 'host',
  codes: ['ND101'],
  looks: 'looks who runs it',
  observe: async ({machine}) => machine.root,
  judge: (root, context) =>
    root
      ? []
      : [warning('ND101', 'not root: daemons, runtime and rules were not seen', command(context, 'status'))],
});

import {check, failure} from '../check.ts';

export const root = check({
  name: 'IsPrivilegedUser',
  category: 'host',
  observe: async ({machine}) => machine.root,
  judge: (isRoot) =>
    isRoot ? [] : [failure('ND101', 'this command changes the machine and must run as root')],
});

import {nodeCheck} from '../node/context.ts';
import {nearlyUsed} from './kernel-limits.ts';

export const pids = nodeCheck({
  name: 'ProcessNumbers',
  category: 'host',
  codes: ['ND124'],
  observe: async ({sight}) => (await sight.host()).pids,
  judge: (seen) => nearlyUsed(seen, 'ND124', 'process numbers', 'sysctl -w kernel.pid_max=4194304'),
});

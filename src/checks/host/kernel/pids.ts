import {readPidBounds} from '../../../edges/machine/limits.ts';
import {hostCheck} from '../../check.ts';
import {nearlyUsed} from './kernel-limits.ts';

export const pids = hostCheck({
  name: 'ProcessNumbers',
  category: 'host',
  codes: ['ND124'],
  looks: 'counts processes and threads against the kernel’s bound and that of the machine’s cgroup',
  observe: readPidBounds,
  judge: (bounds) =>
    bounds
      .flatMap((seen) =>
        nearlyUsed(seen, 'ND124', 'process numbers', 'sudo sysctl -w kernel.pid_max=4194304'),
      )
      .slice(0, 1),
});

import {entries} from './entry.ts';

/** ND1xx: the machine itself. */
export const hostCodes = entries({
  ND101: {
    title: 'not root',
    why: 'Packages, units, mounts and network rules can only be changed by root.',
    fix: ['Run the same command with sudo.'],
    exit: 'preflight',
  },
  ND102: {
    title: 'unsupported distribution',
    why: 'Without a known package manager nodectl cannot install containerd, runc and the CNI plugins.',
    fix: [
      'Use Debian 12 or 13, or Ubuntu 24.04.',
      'Or install containerd, runc and the CNI plugins yourself; nodectl then uses them.',
    ],
    exit: 'preflight',
  },
});

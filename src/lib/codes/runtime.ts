import {entries} from './entry.ts';

/** ND5xx: containerd, runc, CNI and images. */
export const runtimeCodes = entries({
  ND501: {
    title: 'container runtime unreachable',
    why: 'Nothing answers on the CRI socket: containerd is not running, or listens elsewhere.',
    fix: ['systemctl status containerd', 'nodectl status'],
    exit: 'runtime',
  },
  ND502: {
    title: 'container runtime call failed',
    why: 'The runtime answered a CRI call with an error.',
    fix: ['journalctl -u containerd'],
    exit: 'runtime',
  },
});

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
  ND503: {
    title: 'packages could not be installed',
    why: 'The distribution’s package manager failed.',
    fix: ['apt-get update', 'Read its message above; then run the same command again.'],
    exit: 'runtime',
  },
  ND504: {
    title: 'CNI plugins missing',
    why: 'The runtime needs the bridge, host-local, loopback and portmap plugins, and none of the known directories has them.',
    fix: ['apt-get install containernetworking-plugins'],
    exit: 'runtime',
  },
  ND505: {
    title: 'container runtime did not start',
    why: 'containerd ended, or its CRI service does not become ready.',
    fix: ['journalctl -u containerd, or containerd.log in the log directory.'],
    exit: 'runtime',
  },
  ND506: {
    title: 'containerd configuration cannot be edited',
    why: 'An existing configuration sets what nodectl must set in a form that it does not change by itself.',
    fix: ['Set the named key yourself, then run the same command again.'],
    exit: 'runtime',
  },
});

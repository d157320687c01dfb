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
  ND103: {
    title: 'not enough disk space',
    why: 'Images, logs and volumes need room; below the eviction threshold the kubelet ends pods.',
    fix: ['df -h', 'Free some space, or mount a larger disk there.'],
    exit: 'preflight',
  },
  ND104: {
    title: 'little memory',
    why: 'A node with less than 512 MB has no room for pods beside containerd and the kubelet.',
    fix: ['Give the machine more memory.'],
    exit: 'preflight',
  },
  ND105: {
    title: 'cgroup v1',
    why: 'Kubernetes 1.35 and later expect cgroup v2; with v1 some limits are not enforced.',
    fix: ['Boot with systemd.unified_cgroup_hierarchy=1, or use a newer distribution.'],
    exit: 'preflight',
  },
  ND106: {
    title: 'disk full',
    why: 'A file could not be written: no space or no inodes are left.',
    fix: ['df -h; df -i', 'Free some space, then run the same command again: it goes on where it stopped.'],
    exit: 'preflight',
  },
  ND121: {
    title: 'kernel setting cannot be changed',
    why: 'A sysctl that pods need has the wrong value, and this machine does not let it be changed.',
    fix: ['Set it where the machine is configured (the host of a container, the image of a VM).'],
    exit: 'preflight',
  },
  ND131: {
    title: 'swap is on',
    why: 'The kubelet refuses swap unless failSwapOn is false: limits could not be kept.',
    fix: ['swapoff -a, and remove swap from /etc/fstab', 'Or set failSwapOn: false.'],
    exit: 'preflight',
  },
});

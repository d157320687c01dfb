import {entries} from './entry.ts';

/** ND6xx: what an earlier life of this machine left. */
export const leftoverCodes = entries({
  ND601: {
    title: 'port already in use',
    why: 'Another process listens on a port that nodectl needs.',
    fix: ['sudo ss -ltnp', 'Stop the process that listens there, or give another port in the configuration.'],
    exit: 'preflight',
  },
  ND602: {
    title: 'joined to another cluster',
    why: 'This machine already has an identity or a CA of a different cluster or node.',
    fix: ['sudo nodectl reset, then join again.'],
    exit: 'preflight',
  },
  ND603: {
    title: 'joined by another tool',
    why: 'Files of a kubelet that nodectl did not write are in the way.',
    fix: ['sudo nodectl reset --adopt shows how to clean it; with --yes it does. Then join again.'],
    exit: 'preflight',
  },
  ND605: {
    title: 'another kubelet runs here',
    why: 'Two kubelets of one machine would fight over its ports, cgroups, volumes and pod network.',
    fix: ['Stop and remove the named program, then join again.'],
    exit: 'preflight',
  },
  ND606: {
    title: 'Docker runs its own containerd',
    why: 'Docker’s containerd is no runtime for Kubernetes; the node gets one of its own beside it.',
    fix: ['Nothing, when that is meant; else remove Docker.'],
    exit: 'preflight',
  },
  ND609: {
    title: 'this machine is a control plane',
    why: 'It runs an API server whose data a reset of a worker must not end.',
    fix: ['sudo kubeadm reset, on a control plane that is to go.'],
    exit: 'preflight',
  },
  ND604: {
    title: 'journal of a newer nodectl',
    why: 'The list of what nodectl has changed on this machine has entries that this nodectl does not know: a newer one has written them, and can undo them.',
    fix: [
      'Run the same command with the newest nodectl that was ever used on this machine.',
      'Or move the named file away; what it tells of must then be undone by hand.',
    ],
    exit: 'failed',
  },
  ND610: {
    title: 'journal damaged',
    why: 'Entries in the list of what nodectl has changed on this machine cannot be read: a power loss, a failing disk or a hand has spoilt them. What they told of cannot be undone any more; the rest can.',
    fix: [
      'Move the named files away, then run the same command again.',
      'sudo dmesg | grep -iE "I/O error|EXT4-fs|XFS"',
    ],
    exit: 'failed',
  },
  ND607: {
    title: 'rules of an earlier node',
    why: 'Chains of a kubelet, a service proxy or a CNI plugin are in the kernel, though nothing runs here that uses them.',
    fix: ['sudo kube-proxy --cleanup, or a reboot', 'sudo nft list ruleset | grep -E "KUBE-|CNI-"'],
    exit: 'preflight',
  },
  ND608: {
    title: 'mounts of an earlier node',
    why: 'Volumes of pods that no longer exist are still mounted below the kubelet’s directory.',
    fix: ['findmnt | grep kubelet', 'sudo umount PATH, or a reboot'],
    exit: 'preflight',
  },
});

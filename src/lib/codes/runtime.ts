import {entries} from './entry.ts';

/** ND5xx: containerd, runc, CNI and images. */
export const runtimeCodes = entries({
  ND501: {
    title: 'container runtime unreachable',
    why: 'Nothing answers on the CRI socket: containerd is not running, or listens elsewhere.',
    fix: ['nodectl logs containerd', 'sudo nodectl restart containerd'],
    exit: 'runtime',
  },
  ND502: {
    title: 'container runtime call failed',
    why: 'The runtime answered a CRI call with an error.',
    fix: ['nodectl logs containerd'],
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
    fix: ['nodectl logs containerd'],
    exit: 'runtime',
  },
  ND506: {
    title: 'containerd configuration cannot be edited',
    why: 'An existing configuration sets what nodectl must set in a form that it does not change by itself.',
    fix: ['Set the named key yourself, then run the same command again.'],
    exit: 'runtime',
  },
  ND507: {
    title: 'containerd’s CRI plugin is off',
    why: 'containerd runs, but serves no Kubernetes: `cri` is in disabled_plugins, or its configuration has an error.',
    fix: ['Remove cri from disabled_plugins in containerd’s config.toml.', 'sudo nodectl restart containerd'],
    exit: 'runtime',
  },
  ND508: {
    title: 'container runtime not ready',
    why: 'The runtime answers, but says itself that it cannot run containers.',
    fix: ['nodectl logs containerd'],
    exit: 'runtime',
  },
  ND509: {
    title: 'pod network not ready',
    why: 'A CNI configuration is there, but the runtime cannot use it: it is not valid, or a plugin that it names is missing.',
    fix: ['nodectl logs containerd'],
    exit: 'runtime',
  },
  ND511: {
    title: 'an image cannot be pulled',
    why: 'The name is wrong, the registry cannot be reached, or it wants credentials.',
    fix: ['kubectl describe pod NAME', 'Correct the image, or its imagePullSecrets.'],
    exit: 'runtime',
  },
  ND512: {
    title: 'shims without a pod',
    why: 'Processes of containers that the runtime has forgotten still run: they keep memory, ports and mounts.',
    fix: ['sudo nodectl restart containerd', 'kill PID, when they stay.'],
    exit: 'runtime',
  },
});

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
    fix: [
      'nodectl logs containerd',
      'sudo nodectl status --probe, to see what fails of a pod',
      'sudo nodectl restart containerd',
    ],
    exit: 'runtime',
  },
  ND503: {
    title: 'packages could not be installed',
    why: 'The distribution’s package manager failed.',
    fix: ['sudo apt-get update', 'Read its message above; then run the same command again.'],
    exit: 'runtime',
  },
  ND504: {
    title: 'CNI plugins missing',
    why: 'The CNI configuration names programs that the runtime’s plugin directory does not have, or that may not be executed.',
    fix: [
      'ls -l /opt/cni/bin',
      'sudo apt-get install containernetworking-plugins',
      'sudo chmod 755 /opt/cni/bin/*',
    ],
    exit: 'runtime',
  },
  ND505: {
    title: 'container runtime did not start',
    why: 'containerd ended, or its CRI service does not become ready.',
    fix: [
      'nodectl logs containerd',
      'sudo containerd config dump, to see whether its configuration can be read',
      'sudo nodectl restart containerd',
    ],
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
    why: 'containerd runs, but serves no Kubernetes: `cri` is in disabled_plugins (Docker’s package writes it there), or what it needs could not be loaded.',
    fix: [
      'Remove cri from disabled_plugins in /etc/containerd/config.toml.',
      'nodectl logs containerd | grep "failed to load plugin"',
      'sudo nodectl restart containerd',
    ],
    exit: 'runtime',
  },
  ND508: {
    title: 'container runtime not ready',
    why: 'The runtime answers, but says itself that it cannot run containers.',
    fix: ['nodectl logs containerd', 'sudo nodectl restart containerd'],
    exit: 'runtime',
  },
  ND509: {
    title: 'pod network not ready',
    why: 'The runtime cannot use its CNI configuration, or the bridge that it makes is down, gone, or belongs to another network.',
    fix: [
      'nodectl logs containerd',
      'cat /etc/cni/net.d/*; ip address show cni0',
      'sudo ip link set cni0 up, or sudo ip link delete cni0: the next pod makes it anew',
    ],
    exit: 'runtime',
  },
  ND511: {
    title: 'an image cannot be pulled',
    why: 'The name is wrong, the registry cannot be reached or is not trusted, it wants credentials, or what is stored of the image is damaged.',
    fix: [
      'kubectl describe pod NAME',
      'sudo nodectl images pull IMAGE, to try it by hand',
      'Correct the image, or its imagePullSecrets.',
    ],
    exit: 'runtime',
  },
  ND512: {
    title: 'shims without a pod',
    why: 'Processes of containers that the runtime has forgotten still run: they keep memory, ports and mounts.',
    fix: ['sudo nodectl restart containerd', 'kill PID, when they stay.'],
    exit: 'runtime',
  },
  ND510: {
    title: 'cgroup drivers differ',
    why: 'The kubelet and the runtime would put a pod into two different cgroups: limits and statistics are wrong, pods fail.',
    fix: [
      'grep SystemdCgroup /etc/containerd/config.toml; grep cgroupDriver /var/lib/kubelet/config.yaml',
      'Make them agree: SystemdCgroup = true goes with cgroupDriver: systemd.',
      'sudo nodectl restart containerd',
    ],
    exit: 'runtime',
  },
  ND513: {
    title: 'a test pod does not start',
    why: '`--probe` asked the runtime for a sandbox, and it could not make one: the network plugin, runc or the pause image fails.',
    fix: ['nodectl logs containerd', 'sudo nodectl status, without --probe, for its cause'],
    exit: 'runtime',
  },
  ND514: {
    title: 'a test pod is in the wrong cgroup',
    why: 'The runtime did not put the sandbox below the cgroup that it was given: limits would not be enforced.',
    fix: ['Compare SystemdCgroup of containerd with cgroupDriver of the kubelet.'],
    exit: 'runtime',
  },
  ND515: {
    title: 'pods find no names',
    why: 'From inside a test pod the cluster’s DNS does not answer.',
    fix: ['kubectl -n kube-system get pods -l k8s-app=kube-dns', 'nodectl logs proxy'],
    exit: 'network',
  },
  ND516: {
    title: 'pods do not reach the API server',
    why: 'From inside a test pod no connection to the ClusterIP of `kubernetes` can be made: pod egress or the service rules fail.',
    fix: ['sudo nft list ruleset | grep -iE "drop|reject"', 'nodectl logs proxy'],
    exit: 'network',
  },
  ND517: {
    title: 'a pod does not reach itself through a Service',
    why: 'The bridge does not send packets back to the port that they came from (hairpin), or they are not masqueraded.',
    fix: ['Set hairpinMode in the CNI configuration.', 'cat /sys/class/net/*/brport/hairpin_mode'],
    exit: 'network',
  },
  ND518: {
    title: 'pods have no way out',
    why: 'The network plugin writes for each pod a rule that hides its address behind the node’s. Somebody flushed them: answers from outside find no way back to pods.',
    fix: [
      'kubectl drain NODE --ignore-daemonsets && kubectl uncordon NODE: pods that start anew get their rules.',
      'sudo iptables -t nat -S POSTROUTING; journalctl -u firewalld -u ufw -u iptables, to see who flushed them',
    ],
    exit: 'runtime',
  },
  ND519: {
    title: 'another network configuration goes first',
    why: 'containerd takes the first file of its CNI directory by name: new pods get that network, and those that run keep the one before.',
    fix: ['ls /etc/cni/net.d', 'Remove what another network add-on has left there.'],
    exit: 'runtime',
  },
  ND521: {
    title: 'runtime archives incomplete',
    why: 'Each archive of containerd, runc and the CNI plugins needs a SHA-256 and a place where it is found.',
    fix: [
      'sha256sum containerd-*.tar.gz runc.* cni-plugins-*.tgz > SHA256SUMS, from a trusted source',
      'Give --runtime-digests SHA256SUMS and --runtime-archives DIR or URL.',
    ],
    exit: 'usage',
  },
  ND522: {
    title: 'an archive is not what its digest says',
    why: 'The file was altered, cut off on its way, or is another version. Nothing of it was unpacked.',
    fix: ['Fetch the file again.', 'Compare its sha256sum with what its project publishes.'],
    exit: 'trust',
  },
  ND523: {
    title: 'an archive cannot be had',
    why: 'The file is not at the place that was given, or the server cannot be reached.',
    fix: [
      'curl -LO URL from this machine.',
      'Without a network: nodectl bundle airgap elsewhere, then --airgap FILE.',
    ],
    exit: 'network',
  },
  ND524: {
    title: 'the runtime is not all present',
    why: 'With --runtime-source present nothing is installed, and a program that a node needs is missing.',
    fix: ['Install the named programs, or join with --runtime-source distro.'],
    exit: 'runtime',
  },
});

import {containerCauses, type KnownCause, type StartCause} from './container-cause.ts';

/** What brings mount(8) its helpers. */
const mountPackages: Readonly<Record<string, string>> = {
  nfs: 'nfs-common',
  nfs4: 'nfs-common',
  cifs: 'cifs-utils',
  glusterfs: 'glusterfs-client',
};

/** Words of the kubelet, containerd, runc and of network and volume plugins, the particular before the general. */
const known: readonly KnownCause[] = [
  ...containerCauses,
  {
    like: /(configmap|secret|persistentvolumeclaim|serviceaccount)s? "([^"]+)" not found/i,
    cause: ([, kind = '', name = '']) => ({what: `there is no ${kind.toLowerCase()} ${name}`}),
  },
  {
    like: /couldn't find key (\S+) in (ConfigMap|Secret) (\S+)/,
    cause: ([, key = '', kind = '', name = '']) => ({what: `${kind} ${name} has no key ${key}`}),
  },
  {
    like: /driver name (\S+) not found in the list of registered CSI drivers/,
    cause: ([, driver = '']) => ({
      what: `the CSI driver ${driver} does not run on this node`,
      next: 'kubectl get pods --all-namespaces --output wide | grep -i csi',
    }),
  },
  {
    like: /Multi-Attach error|already exclusively attached/,
    cause: () => ({
      what: 'its volume is still attached to another node',
      next: 'kubectl get volumeattachments',
    }),
  },
  {
    like: /hostPath type check failed: (\S+) is not an? ([^"\n]+)/,
    cause: ([, path = '', kind = '']) => ({what: `${path} is no ${kind.trim()}`, next: `ls -ld ${path}`}),
  },
  {
    like: /no runtime for "([^"]+)" is configured|[Rr]untime[Hh]andler "?([^" ]+)"? (?:is )?not (?:supported|found)/,
    cause: ([, a, b]) => ({
      what: `containerd has no runtime handler ${a ?? b ?? ''}`,
      next: 'grep -A3 runtimes /etc/containerd/config.toml',
    }),
  },
  {
    like: /seccomp.*?"?(\/\S+\.json)"?.*no such file/i,
    cause: ([, path = '']) => ({what: `the seccomp profile ${path} is not there`, next: `ls -l ${path}`}),
  },
  {
    like: /apparmor.*profile (?:name )?"?([\w./-]+)"? (?:is )?not (?:found|loaded)|apparmor_parser/i,
    cause: ([, name]) => ({
      what: `the AppArmor profile ${name ?? ''} is not loaded`.replace('  ', ' '),
      next: 'sudo aa-status',
    }),
  },
  {
    like: /session key.*disk quota exceeded/,
    cause: () => ({
      what: 'the kernel’s keys are used up',
      next: 'sudo sysctl -w kernel.keys.maxkeys=20000 kernel.keys.maxbytes=2000000',
    }),
  },
  {
    like: /runAsNonRoot/,
    cause: () => ({what: 'it must not run as root, but its image does'}),
  },
  {
    like: /exec: "([^"]+)":.*(?:executable file not found|no such file or directory)/,
    cause: ([, program = '']) => ({what: `its image has no program ${program}`}),
  },
  {
    like: /exec format error/,
    cause: () => ({what: 'its program is made for another processor', next: 'uname -m'}),
  },
  {
    like: /exec: "([^"]+)":.*permission denied|exec (\S+): permission denied/,
    cause: ([, a, b]) => ({
      what: `${a ?? b ?? 'its program'} may not be executed`,
      next: 'findmnt -T /var/lib/containerd -o TARGET,OPTIONS (noexec?)',
    }),
  },
  {
    like: /no IP addresses available|no available IPs|failed to allocate for range/i,
    cause: () => ({
      what: 'no address is left in this node’s range',
      next: 'kubectl get node NAME -o jsonpath={.spec.podCIDRs}',
    }),
  },
  {
    like: /already has an IP address different from (\S+)/,
    cause: ([, address = '']) => ({
      what: `the bridge cni0 has another address than ${address}`,
      next: 'sudo ip link delete cni0: the next pod makes it anew',
    }),
  },
  {
    like: /(flannel)\/subnet\.env|\/var\/lib\/(calico)\/nodename|(cilium)\.sock|(?:connect to|reach) (Cilium) daemon/i,
    cause: (names) => ({
      what: `${names.slice(1).find((name) => name !== undefined) ?? 'the network add-on'} does not run on this node`,
      next: 'kubectl get pods --all-namespaces --output wide --field-selector spec.nodeName=NODE',
    }),
  },
  {
    like: /failed to find plugin "([^"]+)" in path/,
    cause: ([, plugin = '']) => ({
      what: `the CNI plugin ${plugin} is not installed`,
      next: 'ls /opt/cni/bin',
    }),
  },
  {
    like: /plugin type="([^"]+)".*[Uu]nauthorized/,
    cause: ([, plugin = '']) => ({
      what: `the API server refuses the network plugin ${plugin}: its token is too old`,
      next: `Delete the pod of ${plugin} on this node: the next one writes a new token.`,
    }),
  },
  {
    like: /-t (nfs4?|cifs|ceph|glusterfs)\b.*(?:helper program|unknown filesystem type|wrong fs type)/s,
    cause: ([, type = '']) => ({
      what: `what mounts ${type} is not installed on this node`,
      next: `sudo apt-get install ${mountPackages[type] ?? `${type}-common`}`,
    }),
  },
  {
    like: /access denied by server while mounting (\S+)/,
    cause: ([, share = '']) => ({
      what: `its server does not let this node mount ${share}`,
      next: 'showmount -e SERVER; exportfs -v on the server',
    }),
  },
  {
    like: /(?:iscsiadm|mount\.nfs4?|mount\.cifs|mount error).*(no route to host|connection (?:timed out|refused))/is,
    cause: ([, how = '']) => ({what: `its storage server is not reached: ${how.toLowerCase()}`}),
  },
  {
    like: /path "([^"]+)" is mounted on "([^"]+)" but it is not a shared/,
    cause: ([, path = '', mount = '']) => ({
      what: `mounts below ${path} cannot be passed on: ${mount} is not shared`,
      next: `sudo mount --make-rshared ${mount}`,
    }),
  },
  {
    like: /attr\/keycreate: permission denied/,
    cause: () => ({
      what: 'SELinux denies the runtime its work: container-selinux is missing or too old',
      next: 'sudo dnf install container-selinux && sudo ausearch -m avc -ts recent',
    }),
  },
  {
    like: /waiting for systemd to create|\/run\/systemd\/private|org\.freedesktop\.systemd1/,
    cause: () => ({what: 'systemd makes no cgroup for it', next: 'sudo systemctl daemon-reexec'}),
  },
  {
    like: /mkdir \/sys\/fs\/cgroup\/\S+: no space left on device/,
    cause: () => ({what: 'the kernel can make no more cgroups', next: 'cat /proc/cgroups'}),
  },
  {
    like: /fork\/exec \S+: (?:resource temporarily unavailable|cannot allocate memory)/,
    cause: () => ({
      what: 'no process, or no memory, is left to start programs with',
      next: 'systemctl show containerd -p TasksMax; cat /proc/sys/kernel/pid_max; free -m',
    }),
  },
  {
    like: /name "[^"]+" is reserved for/,
    cause: () => ({
      what: 'the runtime is still busy with an earlier attempt: its disk may be slow',
      next: 'iostat -x 2, or sudo nodectl logs containerd',
    }),
  },
  {
    like: /code = DeadlineExceeded|^(?:Error: )?context deadline exceeded$/,
    cause: () => ({
      what: 'the container runtime did not answer in time',
      next: 'sudo nodectl logs containerd',
    }),
  },
  {
    like: /no space left on device/,
    cause: () => ({what: 'a disk, or a bound of the kernel, is full', next: 'df -h; df -i'}),
  },
  {
    like: /too many open files/,
    cause: () => ({what: 'too many files are open', next: 'cat /proc/sys/fs/file-nr'}),
  },
];

/** Undefined where the words say nothing that is known. */
export function startCause(message: string): StartCause | undefined {
  for (const {like, cause} of known) {
    const match = like.exec(message);
    if (match !== null) return cause(match);
  }
  return undefined;
}

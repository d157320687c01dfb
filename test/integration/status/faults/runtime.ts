import {edited, type Fault} from '../node.ts';

const toml = '/etc/containerd/config.toml';
const conflist = '/etc/cni/net.d/10-nodectl.conflist';

export const runtimeFaults: readonly Fault[] = [
  {
    name: 'containerd is stopped',
    code: 'ND501',
    exit: 6,
    says: /containerd is not running.*nodectl restart containerd/s,
    doIt: (node) => node.stop('containerd'),
    undo: (node) => node.restart('containerd'),
  },
  {
    name: 'containerd hangs',
    code: 'ND501',
    exit: 6,
    says: /the container runtime does not answer/,
    doIt: (node) => node.signal('^/usr/bin/containerd --config', 'STOP'),
    undo: (node) => node.signal('^/usr/bin/containerd --config', 'CONT'),
  },
  {
    name: 'pain 3: containerd cannot read its configuration',
    code: 'ND505',
    exit: 6,
    says: /containerd ends again and again.*nodectl logs containerd.*its last words/s,
    ...edited(toml, (text) => text.replace('version = 2', 'version = [3'), 'containerd'),
  },
  {
    name: 'pain 2: the CRI plugin is disabled',
    code: 'ND507',
    exit: 6,
    says: /containerd runs without its CRI plugin.*disabled_plugins/s,
    ...edited(
      toml,
      (text) => text.replace('version = 2', 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]'),
      'containerd',
    ),
  },
  {
    name: 'pain 3: the cgroup drivers differ',
    code: 'ND510',
    exit: 6,
    says: /the kubelet uses the cgroup driver cgroupfs, the container runtime systemd/,
    ...edited(toml, (text) => text.replace('SystemdCgroup = false', 'SystemdCgroup = true'), 'containerd'),
  },
  {
    name: 'pain 11: the CNI configuration is gone',
    code: 'ND705',
    exit: 8,
    says: /no CNI configuration in \/etc\/cni\/net.d/,
    doIt: (node) => node.run('mv', conflist, `${conflist}.away`),
    undo: (node) => node.run('mv', `${conflist}.away`, conflist),
  },
  {
    name: 'the CNI configuration is damaged',
    code: 'ND509',
    exit: 6,
    says: /the pod network is not ready/,
    ...edited(conflist, () => '{"cniVersion": "0.4.0", "name": "x", "plugins": ['),
  },
  {
    name: 'the pods’ bridge is down',
    code: 'ND509',
    exit: 6,
    says: /the pods’ bridge cni0 is down: sudo ip link set cni0 up/,
    doIt: (node) => node.run('ip', 'link', 'set', 'cni0', 'down'),
    undo: (node) => node.run('ip', 'link', 'set', 'cni0', 'up'),
  },
  {
    name: 'a CNI plugin is not installed',
    code: 'ND504',
    exit: 6,
    says: /the CNI plugin calico is not installed/,
    ...edited(conflist, (text) => text.replace('"type": "bridge"', '"type": "calico"')),
  },
];

import {until} from '../../support/wait.ts';
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
    name: 'the directory of the CNI configuration was made anew',
    code: 'ND509',
    exit: 6,
    says: /has not read \/etc\/cni\/net\.d, in which all is\s+well.*nodectl restart containerd/s,
    async doIt(node) {
      // A copy is another directory to inotify; of one that was only moved some releases hear when it returns.
      await node.run('cp', '-a', '/etc/cni/net.d', '/etc/cni/kept');
      await node.run('rm', '-r', '/etc/cni/net.d');
      const conditions = ['get', 'node', 'status', '-o', 'jsonpath={.status.conditions}'];
      await until('containerd has seen that it is gone', async () =>
        (await node.kube.text(...conditions)).includes('cni plugin not initialized'),
      );
      await node.run('mv', '/etc/cni/kept', '/etc/cni/net.d');
    },
    undo: (node) => node.restart('containerd'),
  },
  {
    name: 'another CNI configuration goes first',
    code: 'ND519',
    exit: 1,
    says: /new pods get the network of 05-old\.conflist, not the one of\s+10-nodectl\.conflist/,
    doIt: (node) => node.run('cp', conflist, '/etc/cni/net.d/05-old.conflist'),
    undo: (node) => node.run('rm', '/etc/cni/net.d/05-old.conflist'),
  },
  {
    name: 'the CNI configuration is damaged',
    code: 'ND509',
    exit: 6,
    says: /pods get no network: \/etc\/cni\/net\.d\/10-nodectl\.conflist is not\s+valid JSON/,
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
    name: 'the pods’ bridge has the address of another network',
    code: 'ND509',
    exit: 6,
    says: /bridge cni0 has the address 10\.85\.0\.1 of another network.*ip link delete cni0/s,
    doIt: (node) => node.sh('ip address add 10.85.0.1/16 dev cni0; ip address delete 10.244.0.1/24 dev cni0'),
    undo: (node) => node.sh('ip address add 10.244.0.1/24 dev cni0; ip address delete 10.85.0.1/16 dev cni0'),
  },
  {
    name: 'somebody flushed the rules that hide pods’ addresses',
    code: 'ND518',
    exit: 6,
    says: /pods reach nothing beyond this node: their masquerading rules were flushed/,
    doIt: (node) => node.sh('iptables-save -t nat >/tmp/nat; iptables -t nat -F'),
    undo: (node) => node.sh('iptables-restore -T nat </tmp/nat'),
  },
  {
    name: 'containerd may open no more files',
    code: 'ND128',
    exit: 3,
    says: /containerd \(process \d+\) has \d+ of 12 files open.*prlimit --nofile/s,
    doIt: (node) => node.sh("prlimit --nofile=12: --pid $(pgrep -f '^/usr/bin/containerd --confi[g]')"),
    undo: (node) => node.restart('containerd'),
  },
  {
    name: 'a CNI plugin may not be executed',
    code: 'ND504',
    exit: 6,
    says: /the CNI plugin bridge cannot be executed.*chmod 755 \/opt\/cni\/bin\/bridge/s,
    doIt: (node) => node.run('chmod', 'a-x', '/opt/cni/bin/bridge'),
    undo: (node) => node.run('chmod', 'a+x', '/opt/cni/bin/bridge'),
  },
  {
    name: 'a CNI plugin is not installed',
    code: 'ND504',
    exit: 6,
    says: /the CNI plugin calico is not installed/,
    ...edited(conflist, (text) => text.replace('"type": "bridge"', '"type": "calico"')),
  },
];

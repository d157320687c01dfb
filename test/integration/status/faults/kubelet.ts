import {edited, type Fault, type StatusNode} from '../node.ts';

const config = '/var/lib/kubelet/config.yaml';
const unit = '/var/lib/nodectl/supervisor/units/nodectl-kubelet.json';
const line = (text: string) => (before: string) => `${before}${text}\n`;
const kubelet = '^/var/lib/nodectl/bin/kubelet';

function condition(node: StatusNode, fields: object): Promise<string> {
  const patch = JSON.stringify({status: {conditions: [fields]}});
  return node.kube.text('patch', 'node', 'status', '--type=strategic', '--subresource=status', '-p', patch);
}

export const kubeletFaults: readonly Fault[] = [
  {
    name: 'the kubelet is stopped',
    code: 'ND733',
    exit: 7,
    says: /the kubelet is not running.*nodectl restart kubelet/s,
    doIt: (node) => node.stop('nodectl-kubelet'),
    undo: (node) => node.restart('kubelet'),
  },
  {
    name: 'the kubelet hangs',
    code: 'ND736',
    exit: 7,
    says: /the kubelet runs, but does not answer/,
    doIt: (node) => node.signal(kubelet, 'STOP'),
    undo: (node) => node.signal(kubelet, 'CONT'),
  },
  {
    name: 'pain 1: the kubelet’s configuration has an unknown value',
    code: 'ND701',
    exit: 2,
    says: /maxPods/,
    ...edited(config, line('maxPods: many'), 'kubelet'),
  },
  {
    name: 'the kubelet’s configuration is empty',
    code: 'ND701',
    exit: 2,
    says: /config\.yaml is empty/,
    ...edited(config, () => ''),
  },
  {
    name: 'a static pod’s file is no pod',
    code: 'ND759',
    exit: 1,
    says: /manifests\/bad\.yaml is no pod: it is not started/,
    doIt: (node) => node.sh("echo 'kind: Pod' >/etc/kubernetes/manifests/bad.yaml"),
    undo: (node) => node.run('rm', '/etc/kubernetes/manifests/bad.yaml'),
  },
  {
    name: 'the kubelet’s configuration is gone',
    code: 'ND701',
    exit: 2,
    says: /config\.yaml is not there/,
    doIt: (node) => node.run('mv', config, `${config}.away`),
    undo: (node) => node.run('mv', `${config}.away`, config),
  },
  {
    name: 'the CA by which the kubelet knows its callers is gone',
    code: 'ND701',
    exit: 2,
    says: /clientCAFile: \/etc\/kubernetes\/pki\/ca\.crt\s+is not there/,
    doIt: (node) => node.run('mv', '/etc/kubernetes/pki/ca.crt', '/etc/kubernetes/pki/ca.crt.away'),
    undo: (node) => node.run('mv', '/etc/kubernetes/pki/ca.crt.away', '/etc/kubernetes/pki/ca.crt'),
  },
  {
    name: 'the description of the kubelet’s service is damaged',
    code: 'ND733',
    exit: 7,
    says: /the kubelet cannot be started: its service’s\s+description\s+is\s+damaged/,
    async doIt(node) {
      node.edit(unit, () => '');
      await node.sh("pkill -f '^/var/lib/nodectl/bin/kubelet'");
    },
    async undo(node) {
      node.restore(unit);
      await node.restart('kubelet');
    },
  },
  {
    name: 'nobody restarts the daemons',
    code: 'ND747',
    exit: 1,
    says: /nobody restarts the daemons.*nodectl restart kubelet/s,
    doIt: (node) => node.sh("pkill -KILL -f 'supervise --dir /var/lib/nodectl/superviso[r]'"),
    undo: (node) => node.restart('proxy'),
  },
  {
    name: 'pain 1: the kubelet ends in a loop',
    code: 'ND703',
    exit: 7,
    says: /the kubelet (has ended|ends).*nodectl logs kubelet/s,
    ...edited(unit, (text) => text.replace('/var/lib/nodectl/bin/kubelet', '/bin/false'), 'kubelet'),
  },
  {
    name: 'the directory for the pods’ logs is a file',
    code: 'ND111',
    exit: 3,
    says: /the kubelet cannot run: .*\/proc\/version/,
    ...edited(config, (text) => text.replace(/^podLogsDir: .*$/m, 'podLogsDir: /proc/version'), 'kubelet'),
  },
  {
    name: 'pain 15: a node-role label that no kubelet may give itself',
    code: 'ND701',
    exit: 2,
    says: /node-role\.kubernetes\.io/,
    ...edited(
      unit,
      (text) =>
        text.replace(
          '"--config=/var/lib/kubelet/config.yaml"',
          '"--config=/var/lib/kubelet/config.yaml", "--node-labels=node-role.kubernetes.io/worker="',
        ),
      'kubelet',
    ),
  },
  {
    name: 'another kubelet was started beside ours',
    code: 'ND605',
    exit: 3,
    says: /another kubelet runs here: kubelet \(process \d+\).*systemctl disable --now kubelet/s,
    doIt: (node) => node.sh('cp /bin/sleep /tmp/kubelet; /tmp/kubelet 600 >/dev/null 2>&1 &'),
    undo: (node) => node.run('pkill', '-f', '^/tmp/kubelet'),
  },
  {
    name: 'pain 7: another process has the kubelet’s port',
    code: 'ND601',
    exit: 3,
    says: /process \d+ \(perl.*listens on port 10250.*try: kill \d+/s,
    async doIt(node) {
      await node.stop('nodectl-kubelet');
      await node.sh(
        "perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalPort => 10250, Listen => 1) or die; sleep 600' >/dev/null 2>&1 &",
      );
      await node.start('nodectl-kubelet');
    },
    async undo(node) {
      await node.sh('pkill perl');
      await node.restart('kubelet');
    },
  },
  {
    name: 'the Node is deleted while the kubelet is stopped',
    code: 'ND733',
    exit: 7,
    also: ['ND741'],
    says: /the cluster does not know this node/,
    async doIt(node) {
      await node.stop('nodectl-kubelet');
      await node.kube.text('delete', 'node', 'status');
    },
    undo: (node) => node.start('nodectl-kubelet'),
  },
  {
    name: 'the lease is not renewed',
    code: 'ND743',
    exit: 7,
    says: /lease was not renewed for \d+m/,
    doIt: (node) =>
      node.patch(
        'lease',
        'status',
        {spec: {renewTime: new Date(Date.now() - 300_000).toISOString().replace('Z', '000Z')}},
        '--namespace=kube-node-lease',
      ),
    undo: () => undefined,
  },
  {
    name: 'the network add-on says that the network does not work',
    code: 'ND744',
    exit: 7,
    says: /the node reports NetworkUnavailable/,
    doIt: (node) =>
      condition(node, {type: 'NetworkUnavailable', status: 'True', reason: 'Test', message: 'x'}),
    undo: (node) => condition(node, {type: 'NetworkUnavailable', status: 'False'}),
  },
];

const cgroupV1: readonly Fault[] = [
  {
    name: 'pain 18: a kubelet that refuses cgroup v1',
    code: 'ND721',
    exit: 7,
    says: /cgroup v1/,
    ...edited(config, (text) => text.replace('failCgroupV1: false', 'failCgroupV1: true'), 'kubelet'),
  },
];
/** Where the test's own machine has version 2, no kubelet meets version 1. */
export const versionFaults = (cgroup2: boolean): readonly Fault[] => (cgroup2 ? [] : cgroupV1);

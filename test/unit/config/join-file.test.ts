import {describe, expect, it} from 'vitest';
import {readJoinFile, splitDocuments} from '../../../src/config/join/file.ts';
import {mergeInput} from '../../../src/config/join/merge.ts';
import {type JoinInput, joinOptions} from '../../../src/config/join.ts';
import {proxyConfigText} from '../../../src/config/kubelet-files.ts';
import {describeError, NodectlError} from '../../../src/lib/errors.ts';

const hash = `sha256:${'ab'.repeat(32)}`;

/** As `kubeadm config print join-defaults` of 1.36 prints it. */
const defaults = `apiVersion: kubeadm.k8s.io/v1beta4
caCertPath: /etc/kubernetes/pki/ca.crt
discovery:
  bootstrapToken:
    apiServerEndpoint: kube-apiserver:6443
    token: abcdef.0123456789abcdef
    unsafeSkipCAVerification: true
  tlsBootstrapToken: abcdef.0123456789abcdef
kind: JoinConfiguration
nodeRegistration:
  criSocket: unix:///var/run/containerd/containerd.sock
  imagePullPolicy: IfNotPresent
  imagePullSerial: true
  name: node
  taints: null
timeouts:
  controlPlaneComponentHealthCheck: 4m0s
  discovery: 5m0s
  etcdAPICall: 2m0s
  kubeletHealthCheck: 4m0s
  kubernetesAPICall: 1m0s
  tlsBootstrap: 5m0s
  upgradeManifests: 5m0s
`;
const head = 'apiVersion: kubeadm.k8s.io/v1beta4\nkind: JoinConfiguration\n';

function read(text: string) {
  return readJoinFile({path: 'join.yaml', text});
}
function options(text: string, flags: Partial<JoinInput> = {}) {
  return joinOptions(mergeInput(read(text).input, {hostname: 'h', ...flags}));
}
function complaint(text: string, flags: Partial<JoinInput> = {}): string {
  try {
    options(text, flags);
    return 'accepted';
  } catch (error) {
    return `${error instanceof NodectlError ? error.code : ''} ${describeError(error)}`;
  }
}

describe('a JoinConfiguration', () => {
  it('is taken as kubeadm prints it', () => {
    expect(options(defaults)).toMatchObject({
      nodeName: 'node',
      discovery: {kind: 'token', endpoint: 'kube-apiserver:6443', unsafe: true},
      bootstrap: {kind: 'token', token: 'abcdef.0123456789abcdef'},
      timeouts: {discoveryMs: 300_000, tlsBootstrapMs: 300_000, kubeletMs: 240_000},
      layout: {containerdSocket: '/run/containerd/containerd.sock'},
      taints: [],
    });
  });

  it('registers as it says', () => {
    const text = `${head}nodeRegistration:
  taints:
  - {key: dedicated, value: gpu, effect: NoSchedule}
  - {key: x, effect: NoExecute}
  kubeletExtraArgs:
  - {name: node-labels, value: "a=b,c=d"}
  - {name: max-pods, value: "42"}
  - {name: hostname-override, value: other}
  - {name: fail-swap-on, value: "false"}
  ignorePreflightErrors: [Swap]
skipPhases: [preflight, kubelet-wait-bootstrap]
discovery: {bootstrapToken: {token: abcdef.0123456789abcdef, apiServerEndpoint: "a:6443", caCertHashes: ["${hash}"]}}
`;
    expect(options(text)).toMatchObject({
      nodeName: 'other',
      taints: ['dedicated=gpu:NoSchedule', 'x:NoExecute'],
      labels: ['a=b', 'c=d'],
      kubeletConfiguration: {maxPods: 42, failSwapOn: false},
      ignorePreflightErrors: ['Swap'],
      skipPhases: ['preflight', 'ready'],
    });
  });

  it('gives the kubelet flags that no file can say', () => {
    const args = [
      {name: 'cloud-provider', value: 'external'},
      {name: 'image-credential-provider-config', value: '/etc/kubernetes/providers.yaml'},
      {name: 'image-credential-provider-bin-dir', value: '/usr/local/lib/providers'},
    ];
    const text = (given: object) =>
      `${head}nodeRegistration: {kubeletExtraArgs: ${JSON.stringify(given)}}\n${defaults.slice(defaults.indexOf('discovery:'), defaults.indexOf('kind:'))}`;
    expect(options(text(args)).kubeletArguments).toEqual(args.map(({name, value}) => `--${name}=${value}`));
    expect(complaint(text([{name: 'cloud-provider', value: 'aws'}]))).toMatch(/ND906.*--cloud-provider: aws/);
    expect(complaint(text([{name: 'image-credential-provider-bin-dir', value: 'bin'}]))).toMatch(/ND906/);
  });

  it('adds up arguments that are maps, and takes the last of all others', () => {
    const text = `${head}nodeRegistration:
  kubeletExtraArgs:
  - {name: node-labels, value: a=b}
  - {name: node-labels, value: "c=d"}
  - {name: system-reserved, value: cpu=100m}
  - {name: system-reserved, value: memory=1Gi}
  - {name: max-pods, value: "1"}
  - {name: max-pods, value: "2"}
${defaults.slice(defaults.indexOf('discovery:'), defaults.indexOf('kind:'))}`;
    expect(options(text)).toMatchObject({
      labels: ['a=b', 'c=d'],
      kubeletConfiguration: {maxPods: 2, systemReserved: {cpu: '100m', memory: '1Gi'}},
    });
  });

  it('of v1beta3 has a map of arguments and its timeout in discovery', () => {
    const text = `apiVersion: kubeadm.k8s.io/v1beta3
kind: JoinConfiguration
nodeRegistration: {name: old, kubeletExtraArgs: {node-ip: 192.0.2.7}}
discovery: {timeout: 1m0s, file: {kubeConfigPath: /root/discovery.conf}}
`;
    const {input, discoveryFile} = read(text);
    expect(discoveryFile).toBe('/root/discovery.conf');
    expect(input).toMatchObject({nodeName: 'old', nodeIp: '192.0.2.7', discoveryTimeoutMs: 60_000});
  });

  it('yields to flags', () => {
    const found = options(defaults, {nodeName: 'flag', token: 'bbbbbb.0123456789abcdef', endpoint: 'b:1'});
    expect(found).toMatchObject({
      nodeName: 'flag',
      discovery: {endpoint: 'b:1', token: {id: 'bbbbbb'}},
      bootstrap: {token: 'bbbbbb.0123456789abcdef'},
    });
    const discoveryFile = {server: 'https://c:6443', ca: 'CA', credentials: undefined};
    expect(options(defaults, {discoveryFile})).toMatchObject({
      discovery: {kind: 'kubeconfig', server: 'https://c:6443'},
      bootstrap: {token: 'abcdef.0123456789abcdef'},
    });
  });

  it.each([
    [
      'an unknown field, with its place',
      `${head}nodeRegistration:\n  nam: x\n`,
      /join\.yaml:4:3: nodeRegistration\.nam: unknown field/,
    ],
    [
      'v1beta4 fields in v1beta3',
      `apiVersion: kubeadm.k8s.io/v1beta3\nkind: JoinConfiguration\ntimeouts: {}\n`,
      /join\.yaml:3:1: timeouts/,
    ],
    ['a control plane', `${head}controlPlane: {}\n`, /controlPlane/],
    [
      'two ways of discovery',
      `${head}discovery: {bootstrapToken: {}, file: {kubeConfigPath: x}}\n`,
      /exclude/,
    ],
    [
      'a flag that nodectl sets',
      `${head}nodeRegistration: {kubeletExtraArgs: [{name: root-dir, value: /x}]}\n`,
      /root-dir/,
    ],
    [
      'a flag that the kubelet lacks',
      `${head}nodeRegistration: {kubeletExtraArgs: [{name: foo, value: x}]}\n`,
      /--foo/,
    ],
    [
      'a duration that is none',
      `${head}timeouts: {discovery: 5 minutes}\n`,
      /join\.yaml:3:12: timeouts\.discovery/,
    ],
    [
      'an effect that is none',
      `${head}nodeRegistration: {taints: [{key: a, effect: Never}]}\n`,
      /ND906.*effect/,
    ],
    [
      'an older version',
      `apiVersion: kubeadm.k8s.io/v1beta2\nkind: JoinConfiguration\n`,
      /ND906 join\.yaml: apiVersion kubeadm\.k8s\.io\/v1beta2 is not v1beta4 or v1beta3/,
    ],
    [
      'a phase that nobody has',
      `${head}skipPhases: [dance]\n${defaults.slice(defaults.indexOf('discovery:'), defaults.indexOf('kind:'))}`,
      /dance/,
    ],
    ['another kind', 'apiVersion: v1\nkind: Pod\n', /Pod/],
    ['the same kind twice', `${defaults}---\n${defaults}`, /two documents/],
    ['broken YAML', `${head}a: [\n`, /ND906 join\.yaml:\d+:\d+/],
  ])('refuses %s', (_, text, message) => {
    expect(complaint(text)).toMatch(message);
  });
});

describe('documents beside it', () => {
  const kubelet = 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n';
  const proxy = 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n';

  it('configure the daemons', () => {
    const text = `${defaults}---\n${kubelet}maxPods: 7\nhealthzPort: 20248\n--- # ours\n${proxy}clusterCIDR: 10.1.0.0/16\n`;
    const found = options(text);
    expect(found.kubeletConfiguration).toEqual({maxPods: 7, healthzPort: 20_248});
    expect(found.ports.kubeletHealthz).toBe(20_248);
    expect(proxyConfigText(found, undefined)).toContain('clusterCIDR: 10.1.0.0/16');
  });
  it('keep the lines of the file in complaints', () => {
    const lines = defaults.split('\n').length;
    expect(complaint(`${defaults}---\n${kubelet}maxPod: 7\n`)).toContain(
      `ND701 join.yaml:${lines + 3}:1: maxPod`,
    );
    expect(complaint(`${defaults}---\n${proxy}mod: x\n`)).toContain(`ND711 join.yaml:${lines + 3}:1: mod`);
  });
  it('are refused for what cannot be honoured', () => {
    expect(complaint(`${defaults}---\n${kubelet}healthzPort: 0\n`)).toContain('healthzPort');
  });
  it('of kubeadm’s other kinds are left', () => {
    expect(
      complaint(`${defaults}---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\nx: y\n`),
    ).toBe('accepted');
  });
});

it('splits at markers only', () => {
  expect(splitDocuments('a: |\n  --- x\n--- {b: 1}\n---\n# only words\n')).toEqual([
    'a: |\n  --- x',
    '\n\n    {b: 1}',
  ]);
});

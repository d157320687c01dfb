import {describe, expect, it} from 'vitest';
import {normaliseArguments} from '../../../../src/config/kubelet/argv.ts';
import {complete} from '../../../../src/config/kubelet/defaults.ts';
import {fieldFlags} from '../../../../src/config/kubelet/field-flags.ts';
import {durationPaths, kubeletConfiguration} from '../../../../src/config/kubelet/schema.ts';
import {ipFamily, type KubeletFlags, loadKubeletConfig} from '../../../../src/config/kubelet.ts';
import {formatDuration, parseDuration} from '../../../../src/config/machine/units.ts';
import {configz} from '../../../../src/kubelet/server/pages/configz.ts';

const header = 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n';
const load = (text: string, flags: KubeletFlags = {}, ...dropIns: string[]) =>
  loadKubeletConfig(
    [text, ...dropIns].map((t, at) => ({path: `/etc/k/${at}.yaml`, text: header + t, dropIn: at > 0})),
    flags,
    'Host-1',
  );

/** What `kubeadm init` writes, as Kubernetes marshals its zero values. */
const kubeadm = `authentication:
  anonymous: {enabled: false}
  webhook: {cacheTTL: 0s, enabled: true}
  x509: {clientCAFile: /etc/kubernetes/pki/ca.crt}
authorization:
  mode: Webhook
  webhook: {cacheAuthorizedTTL: 0s, cacheUnauthorizedTTL: 0s}
cgroupDriver: systemd
clusterDNS: [10.96.0.10]
clusterDomain: cluster.local
containerRuntimeEndpoint: ""
cpuManagerReconcilePeriod: 0s
crashLoopBackOff: {}
evictionPressureTransitionPeriod: 0s
fileCheckFrequency: 0s
healthzBindAddress: 127.0.0.1
healthzPort: 10248
httpCheckFrequency: 0s
imageMaximumGCAge: 0s
imageMinimumGCAge: 0s
logging:
  flushFrequency: 0
  options: {json: {infoBufferSize: "0"}, text: {infoBufferSize: "0"}}
  verbosity: 0
memorySwap: {}
nodeStatusReportFrequency: 0s
nodeStatusUpdateFrequency: 0s
rotateCertificates: true
runtimeRequestTimeout: 0s
shutdownGracePeriod: 0s
shutdownGracePeriodCriticalPods: 0s
staticPodPath: /etc/kubernetes/manifests
streamingConnectionIdleTimeout: 0s
syncFrequency: 0s
volumeStatsAggPeriod: 0s
`;

describe('loadKubeletConfig', () => {
  it('fills Kubernetes 1.36 defaults into nothing', () => {
    const {config, warnings} = loadKubeletConfig([], {}, 'Host-1');
    expect(warnings).toEqual([]);
    expect(config).toMatchObject({
      nodeName: 'host-1',
      port: 10250,
      readOnlyPort: 0,
      healthzPort: 10248,
      enableSystemLogHandler: false,
      maxPods: 110,
      podPidsLimit: -1,
      nodeLeaseDurationSeconds: 40,
      nodeStatusUpdateFrequency: 10_000,
      nodeStatusReportFrequency: 300_000,
      streamingConnectionIdleTimeout: 14_400_000,
      serializeImagePulls: true,
      failCgroupV1: true,
      containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
      authorization: {mode: 'Webhook', webhook: {cacheAuthorizedTTL: 300_000, cacheUnauthorizedTTL: 30_000}},
      authentication: {anonymous: {enabled: false}, webhook: {enabled: true, cacheTTL: 120_000}},
      rootDir: '/var/lib/kubelet',
      certDir: '/var/lib/kubelet/pki',
    });
    expect(config.evictionHard['memory.available']).toBe('100Mi');
  });

  it("takes kubeadm's own file: zero values mean the defaults", () => {
    const {config, warnings} = load(kubeadm);
    expect(config).toMatchObject({
      cgroupDriver: 'systemd',
      syncFrequency: 60_000,
      containerRuntimeEndpoint: 'unix:///run/containerd/containerd.sock',
      nodeStatusReportFrequency: 300_000,
      clusterDNS: ['10.96.0.10'],
    });
    expect(warnings).toEqual([]);
  });

  it.each([
    ['maxPods: many', /0\.yaml:3:1: maxPods/],
    ['registerWithTaints:\n- key: a\n  effect: Never', /0\.yaml:5:3: registerWithTaints\.0\.effect/],
    ['syncFrequency: 5', /0\.yaml:3:1: syncFrequency/],
    ['syncFrequency: 5 minutes', /not a duration/],
    ['a: [', /0\.yaml:/],
    ['imageGCHighThresholdPercent: 50', /imageGCLowThresholdPercent/],
    ['allowedUnsafeSysctls: [net.core.*, vm.*]', /allowedUnsafeSysctls: vm\.\* is not known/],
    ['cpuManagerPolicy: static', /cpuManagerPolicy: static needs/],
    ['evictionHard: {memory.free: 1Gi}', /memory\.free: unknown eviction signal/],
    ['evictionHard: {memory.available: 101%}', /101%/],
    ['tlsCipherSuites: [TLS_RSA_WITH_RC4_128_SHA]', /nothing of TLS_RSA_WITH_RC4_128_SHA can be used/],
    ['tlsCipherSuites: [TLS_NULL]', /TLS_NULL is not known/],
    ['tlsCertFile: /x', /both or neither/],
    ['kubeReserved: {gpu: "1"}', /kubeReserved\.gpu/],
    ['maxParallelImagePulls: 3\nserializeImagePulls: true', /maxParallelImagePulls/],
  ])('refuses %s', (text, complaint) => {
    expect(() => load(text)).toThrow(complaint);
  });

  it('reads YAML as Go does', () => {
    const {config} = load(`
failSwapOn: no
rotateCertificates: yes
clusterDomain: "yes"
maxPods: 0x10
clusterDNS: &dns [fd00::1]
authentication: {webhook: &off {enabled: off}, anonymous: {<<: *off}}
registerWithTaints: [{key: a, value: 2026-01-01, effect: NoSchedule}]
`);
    expect(config).toMatchObject({
      failSwapOn: false,
      rotateCertificates: true,
      clusterDomain: 'yes',
      maxPods: 16,
      authentication: {webhook: {enabled: false}, anonymous: {enabled: false}},
      registerWithTaints: [{key: 'a', value: '2026-01-01', effect: 'NoSchedule'}],
    });
    expect(() => load('clusterDomain: yes')).toThrow(/clusterDomain/);
  });

  /** DecodeKubeletConfiguration goes on leniently: the file may be of a newer cluster, or have a typing error. */
  it.each([
    ['maxPodz: 3', '/etc/k/0.yaml:3:1: maxPodz: unknown field'],
    [
      'authentication:\n  x509:\n    clientCaFile: /x',
      '/etc/k/0.yaml:5:5: authentication.x509.clientCaFile: unknown field',
    ],
    ['__proto__: {port: 1}', '/etc/k/0.yaml:3:1: __proto__: unknown field'],
    // CIS 4.2.15 (cis-1.11) looks for it; no kubelet has it.
    ['IPAddressDeny: any', '/etc/k/0.yaml:3:1: IPAddressDeny: unknown field'],
    ['maxPods: 1\nmaxPods: 110', '/etc/k/0.yaml:4:1: is given twice; the last one counts'],
  ])('tells of %s, and takes the rest', (text, complaint) => {
    const {config, warnings} = load(text);
    expect(warnings).toEqual([complaint]);
    expect(config).toEqual(load('').config);
  });

  it.each([
    ['', 10_000, 300_000],
    ['nodeStatusUpdateFrequency: 0s', 10_000, 300_000],
    ['nodeStatusUpdateFrequency: 10s', 10_000, 10_000],
    ['nodeStatusUpdateFrequency: 4s\nnodeStatusReportFrequency: 0s', 4_000, 4_000],
    ['nodeStatusUpdateFrequency: 4s\nnodeStatusReportFrequency: 1m', 4_000, 60_000],
  ])('lets reports of the Node follow what is given: %s', (text, updateMs, reportMs) => {
    expect(load(text).config).toMatchObject({
      nodeStatusUpdateFrequency: updateMs,
      nodeStatusReportFrequency: reportMs,
    });
  });

  it.each([
    ['maxPods: 5', ['/c.yaml: apiVersion: is missing', '/c.yaml: kind: is missing']],
    ['kind: KubeletConfiguration', ['/c.yaml: apiVersion: is missing']],
    ['kind: Pod\napiVersion: v1', ['/c.yaml:1:1: kind', '/c.yaml:2:1: apiVersion']],
    ['kind: KubeletConfiguration\napiVersion: kubelet.config.k8s.io/v1alpha1', ['/c.yaml:2:1: apiVersion']],
  ])('refuses a file that is not said to be for the kubelet: %s', (text, complaints) => {
    const own = {path: '/own.yaml', text: header};
    for (const sources of [[{path: '/c.yaml', text}], [own, {path: '/c.yaml', text}]])
      for (const complaint of complaints)
        expect(() => loadKubeletConfig(sources, {}, 'n1')).toThrow(complaint);
  });

  it('merges drop-ins in order: maps merge, lists are replaced, later wins', () => {
    const {config} = load(
      'clusterDNS: [10.0.0.1]\nkubeReserved: {cpu: 100m}\nmaxPods: 50',
      {},
      'clusterDNS: [10.0.0.2]\nkubeReserved: {memory: 1Gi}',
      'maxPods: 60',
    );
    expect(config.clusterDNS).toEqual(['10.0.0.2']);
    expect(config.kubeReserved).toEqual({cpu: '100m', memory: '1Gi'});
    expect(config.maxPods).toBe(60);
  });

  /** By meaning cmd/kubelet/app, TestMergeKubeletConfigurations. */
  it.each<[string, string, string[], object]>([
    [
      'the last one wins',
      'port: 9090\nreadOnlyPort: 10257',
      ['port: 9090', 'port: 8080\nreadOnlyPort: 10255'],
      {port: 8080, readOnlyPort: 10255},
    ],
    [
      'maps merge',
      'kubeReserved: {memory: 100Mi}\nsyncFrequency: 5m',
      ['kubeReserved: {memory: 150Mi, cpu: 200m}', 'kubeReserved: {memory: 100Mi}'],
      {kubeReserved: {cpu: '200m', memory: '100Mi'}, syncFrequency: 300_000},
    ],
    [
      'lists are replaced',
      'clusterDNS: [192.168.1.3, 192.168.1.4]',
      ['clusterDNS: [192.168.1.1, 192.168.1.5, 192.168.1.8]'],
      {clusterDNS: ['192.168.1.1', '192.168.1.5', '192.168.1.8']},
    ],
    ['a zero is the default', 'port: 123', ['port: 0'], {port: 10250}],
    [
      'null is the default',
      'maxPods: 5\nclusterDNS: [10.0.0.1]\nauthentication: {anonymous: {enabled: true}}',
      ['maxPods: null\nclusterDNS: null\nauthentication: {anonymous: {enabled: null}}'],
      {maxPods: 110, clusterDNS: [], 'authentication.anonymous.enabled': false},
    ],
    [
      'thresholds come beside the default ones',
      '',
      ['evictionHard: {memory.available: 1Gi}'],
      {
        evictionHard: {
          'memory.available': '1Gi',
          'nodefs.available': '10%',
          'nodefs.inodesFree': '5%',
          'imagefs.available': '15%',
          'imagefs.inodesFree': '5%',
        },
      },
    ],
    [
      'thresholds come beside given ones',
      'evictionHard: {memory.available: 1Gi}',
      ['evictionHard: {nodefs.available: 5%}'],
      {evictionHard: {'memory.available': '1Gi', 'nodefs.available': '5%'}},
    ],
    [
      'what has followed from another field stays',
      '',
      ['nodeStatusUpdateFrequency: 4s'],
      {nodeStatusUpdateFrequency: 4_000, nodeStatusReportFrequency: 300_000},
    ],
  ])('merges drop-ins as Kubernetes does: %s', (_, text, dropIns, expected) => {
    const {config} = load(text, {}, ...dropIns);
    for (const [field, value] of Object.entries(expected)) expect(config).toHaveProperty(field, value);
  });

  it('lets flags win over files', () => {
    const {config} = load(
      'registerWithTaints: [{key: a, effect: NoSchedule}]\nfeatureGates: {WatchListClient: false}',
      {
        registerWithTaints: 'dedicated=gpu:NoExecute,plain:NoSchedule',
        nodeLabels: 'tier=edge,empty=,topology.kubernetes.io/zone=a,x.node.kubernetes.io/y=1,example.com/z=1',
        nodeIp: '10.0.0.5,fd00::5',
        hostnameOverride: 'n1.example.com',
        featureGates: 'CPUManagerPolicyBetaOptions=false',
        verbosity: 4,
      },
    );
    expect(config.registerWithTaints).toEqual([
      {key: 'dedicated', value: 'gpu', effect: 'NoExecute'},
      {key: 'plain', effect: 'NoSchedule'},
    ]);
    expect(config).toMatchObject({
      nodeName: 'n1.example.com',
      nodeIPs: ['10.0.0.5', 'fd00::5'],
      nodeLabels: {tier: 'edge', empty: '', 'topology.kubernetes.io/zone': 'a', 'example.com/z': '1'},
      featureGates: {WatchListClient: false, CPUManagerPolicyBetaOptions: false},
      verbosity: 4,
    });
  });

  it.each<[KubeletFlags]>([
    [{nodeIp: '10.0.0.5,10.0.0.6'}],
    [{nodeIp: '10.0.0.256'}],
    [{hostnameOverride: 'Has_Underscore'}],
    [{featureGates: 'A'}],
    [{registerWithTaints: 'nope'}],
    [{nodeLabels: 'node-role.kubernetes.io/control-plane='}],
    [{nodeLabels: 'example.k8s.io/x=1'}],
    [{nodeLabels: 'bad key=1'}],
    [{nodeLabels: 'a=not a value'}],
  ])('refuses the flags %j', (flags) => {
    expect(() => load('', flags)).toThrow();
  });

  it('takes paths relative to the file that holds them', () => {
    const {config} = load('authentication: {x509: {clientCAFile: pki/ca.crt}}\nresolvConf: ""');
    expect(config.authentication.x509.clientCAFile).toBe('/etc/k/pki/ca.crt');
    expect(config.resolvConf).toBe('');
  });

  it('knows which fields are durations, for /configz', () => {
    expect(durationPaths).toContainEqual(['syncFrequency']);
    expect(durationPaths).toContainEqual(['authentication', 'webhook', 'cacheTTL']);
    expect(durationPaths).toContainEqual(['nodeStatusReportFrequency']);
    expect(durationPaths).not.toContainEqual(['maxPods']);
  });

  // Tests and tools read it into Kubernetes' types, change a field, and give it back as the kubelet's file.
  it.each([
    '',
    kubeadm,
    'logging: {flushFrequency: 5s}\nnodeStatusUpdateFrequency: 3s\nevictionSoft: {memory.available: 1Gi}\nevictionSoftGracePeriod: {memory.available: 90s}',
    'logging: {flushFrequency: 1500000000}\nshutdownGracePeriodByPodPriority: [{priority: 1, shutdownGracePeriodSeconds: 60}]',
  ])('tells at /configz what means the same as a file: %j', (text) => {
    const {config} = load(text);
    const {apiVersion, kind, ...told} = configz(config).kubeletconfig;
    expect({apiVersion, kind}).toEqual({
      apiVersion: 'kubelet.config.k8s.io/v1beta1',
      kind: 'KubeletConfiguration',
    });
    const file = Object.entries(told).map(([name, value]) => `${name}: ${JSON.stringify(value)}\n`);
    expect(load(file.join('')).config).toEqual(config);
  });
});

describe('the command line', () => {
  it.each([
    [['--config', '/a', '--config=/b'], ['--config=/b']],
    [['--node-labels=a=1', '--node-labels', 'b=2'], ['--node-labels=a=1,b=2']],
    [
      ['--fail-swap-on', '--port', '1'],
      ['--fail-swap-on=true', '--port=1'],
    ],
    [['--fail-swap-on=false'], ['--fail-swap-on=false']],
    [['-v', '2', '-v=4'], ['--v=4']],
    [['-v5'], ['--v=5']],
    [
      ['--anonymous-auth', '--fail_swap_on=false'],
      ['--anonymous-auth=true', '--fail-swap-on=false'],
    ],
    [['--cluster-dns=10.0.0.1', '--cluster-dns=10.0.0.2'], ['--cluster-dns=10.0.0.1,10.0.0.2']],
    [['--kube-reserved=cpu=1', '--kube-reserved=memory=1Gi'], ['--kube-reserved=cpu=1,memory=1Gi']],
    [['--max-pods=1', '--max-pods=2'], ['--max-pods=2']],
    [
      ['--bootstrap-kubeconfig=', 'rest'],
      ['--bootstrap-kubeconfig=', 'rest'],
    ],
    [['--help'], ['--help']],
    [['--config'], ['--config']],
  ])('%j', (argv, expected) => expect(normaliseArguments(argv)).toEqual(expected));
});

describe('flags of fields', () => {
  const withFields = (text: string, fields: Record<string, string>) => load(text, {fields}).config;

  it('set a field each, and win over the file', () => {
    const config = withFields('maxPods: 5\nauthentication: {webhook: {cacheTTL: 5s}}', {
      'max-pods': '7',
      'anonymous-auth': 'true',
      'eviction-hard': 'memory.available<1Gi,nodefs.available<5%',
      'eviction-minimum-reclaim': 'nodefs.available=1%',
      'reserved-memory': '0:memory=1Gi,hugepages-1Gi=1Gi;1:memory=2Gi',
      'manifest-url-header': 'a:b,a:c',
      'tls-cipher-suites': 'TLS_AES_128_GCM_SHA256, TLS_AES_256_GCM_SHA384',
      'sync-frequency': '90s',
      'rotate-server-certificates': 'T',
    });
    expect(config).toMatchObject({
      maxPods: 7,
      authentication: {anonymous: {enabled: true}, webhook: {cacheTTL: 5000, enabled: true}},
      evictionHard: {'memory.available': '1Gi', 'nodefs.available': '5%'},
      evictionMinimumReclaim: {'nodefs.available': '1%'},
      reservedMemory: [
        {numaNode: 0, limits: {memory: '1Gi', 'hugepages-1Gi': '1Gi'}},
        {numaNode: 1, limits: {memory: '2Gi'}},
      ],
      staticPodURLHeader: {a: ['b', 'c']},
      tlsCipherSuites: ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384'],
      syncFrequency: 90_000,
      serverTLSBootstrap: true,
    });
  });

  it('replace a map of the file; feature gates add up', () => {
    const text = 'kubeReserved: {cpu: 100m, memory: 1Gi}\nfeatureGates: {CPUManagerPolicyAlphaOptions: true}';
    const fields = {'kube-reserved': 'cpu=200m'};
    const {config} = load(text, {fields, featureGates: 'CustomCPUCFSQuotaPeriod=true'});
    expect(config.kubeReserved).toEqual({cpu: '200m'});
    expect(config.featureGates).toEqual({CPUManagerPolicyAlphaOptions: true, CustomCPUCFSQuotaPeriod: true});
  });

  it.each([
    ['max-pods', 'many'],
    ['anonymous-auth', 'maybe'],
    ['kube-reserved', 'cpu'],
    ['eviction-hard', 'memory.available=1Gi'],
    ['reserved-memory', 'memory=1Gi'],
  ])('refuses --%s %s', (name, value) => {
    expect(() => withFields('', {[name]: value})).toThrow(`--${name}`);
  });

  it('say which of them have no effect', () => {
    expect(load('', {idle: ['machine-id-file']}).warnings).toEqual(['--machine-id-file: has no effect']);
  });

  it('name fields that exist', () => {
    const defaults = complete(kubeletConfiguration.parse({}));
    for (const [path] of Object.values(fieldFlags))
      expect(path.split('.')[0] ?? '').toSatisfy(
        (name: string) => name in defaults || name in kubeletConfiguration.shape,
      );
  });
});

describe('durations', () => {
  it.each([
    ['1h2m3.5s', 3_723_500],
    ['100ms', 100],
    ['0', 0],
    ['-1m', -60_000],
    ['1.5h', 5_400_000],
    ['5', undefined],
    ['1 m', undefined],
    ['', undefined],
  ])('reads %s', (text, ms) => expect(parseDuration(text)).toBe(ms));

  it.each([
    [14_400_000, '4h0m0s'],
    [90_000, '1m30s'],
    [100, '100ms'],
    [0, '0s'],
    [1500, '1.5s'],
  ])('prints %d', (ms, text) => expect(formatDuration(ms)).toBe(text));
});

it.each([
  ['10.0.0.1', 4],
  ['fd00::1', 6],
  ['1.2.3', 0],
  ['01.2.3.4', 0],
  ['::ffff:1.2.3.4', 6],
  ['zz::', 0],
])('ipFamily(%s)', (text, family) => expect(ipFamily(text)).toBe(family));

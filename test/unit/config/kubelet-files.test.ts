import {describe, expect, it} from 'vitest';
import {parse} from 'yaml';
import {joinOptions} from '../../../src/config/join.ts';
import {loadKubeletConfig} from '../../../src/config/kubelet.ts';
import {
  bootstrapKubeconfig,
  instanceConfigText,
  kubeletConfigText,
  kubeletKubeconfig,
  proxyConfigText,
} from '../../../src/config/kubelet-files.ts';
import {loadProxyConfig} from '../../../src/config/proxy.ts';

const options = joinOptions({
  endpoint: 'a:6443',
  token: 'abcdef.0123456789abcdef',
  caCertHashes: [`sha256:${'ab'.repeat(32)}`],
  hostname: 'n1',
});
const instance = {cgroupDriver: 'systemd', cgroup: 2, resolvConf: undefined, resolved: false} as const;
const cluster = `
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
clusterDNS: [10.96.0.10]
clusterDomain: cluster.local
cgroupDriver: cgroupfs
readOnlyPort: 0
staticPodPath: /etc/kubernetes/manifests
streamingConnectionIdleTimeout: 0s
`;

describe('kubeletConfigText', () => {
  const config = parse(kubeletConfigText(cluster, options, instance));

  it('says explicitly what CIS looks for', () => {
    expect(config).toMatchObject({
      authentication: {anonymous: {enabled: false}, x509: {clientCAFile: '/etc/kubernetes/pki/ca.crt'}},
      authorization: {mode: 'Webhook'},
      readOnlyPort: 0,
      makeIPTablesUtilChains: true,
      rotateCertificates: true,
    });
    expect(config.tlsCipherSuites).not.toContainEqual(expect.stringContaining('TLS_RSA_'));
    expect(config).toHaveProperty('podPidsLimit');
    expect(config).toHaveProperty('seccompDefault');
    expect(config).toHaveProperty('eventRecordQPS');
    expect(config).toMatchObject({
      tlsCertFile: '/var/lib/kubelet/pki/kubelet.crt',
      tlsPrivateKeyFile: '/var/lib/kubelet/pki/kubelet.key',
    });
  });
  it('keeps texts and booleans of YAML 1.1 what they are', () => {
    const given = `${cluster}failSwapOn: no\nregisterWithTaints: [{key: a, value: "yes", effect: NoSchedule}]\n`;
    const text = kubeletConfigText(given, options, instance);
    const {config: loaded} = loadKubeletConfig([{path: '/c', text}], {}, 'n1');
    expect(loaded.failSwapOn).toBe(false);
    expect(loaded.registerWithTaints).toEqual([{key: 'a', value: 'yes', effect: 'NoSchedule'}]);
    expect(text).toContain('"yes"');
  });
  it('names no serving certificate where the cluster signs it', () => {
    const text = kubeletConfigText(`${cluster}serverTLSBootstrap: true\n`, options, instance);
    expect(parse(text)).not.toHaveProperty('tlsCertFile');
  });
  it('lets the cluster win over defaults, and the machine over the cluster', () => {
    expect(config.clusterDNS).toEqual(['10.96.0.10']);
    expect(config.cgroupDriver).toBe('systemd');
    expect(config.containerRuntimeEndpoint).toBe('unix:///run/containerd/containerd.sock');
    expect(config.failCgroupV1).toBeUndefined();
  });
  it('lets the user win over all', () => {
    const own = {...options, kubeletConfiguration: {maxPods: 7, cgroupDriver: 'cgroupfs'}};
    expect(parse(kubeletConfigText(cluster, own, instance))).toMatchObject({
      maxPods: 7,
      cgroupDriver: 'cgroupfs',
    });
  });
  const stub = {...instance, resolvConf: '/run/systemd/resolve/resolv.conf', resolved: true};
  it.each([
    ['is left to the kubelet', '', instance, undefined],
    ['is systemd-resolved’s own beside its stub', '', stub, stub.resolvConf],
    ['is the cluster’s, also beside a stub', 'resolvConf: /foo/resolver', stub, '/foo/resolver'],
    [
      'is the machine’s where a control plane named a systemd-resolved that is not here',
      `resolvConf: ${stub.resolvConf}`,
      instance,
      '/etc/resolv.conf',
    ],
    [
      'is systemd-resolved’s where the cluster names it and it is here',
      `resolvConf: ${stub.resolvConf}`,
      {...stub, resolvConf: undefined},
      stub.resolvConf,
    ],
  ])('resolv.conf %s', (_, line, machine, expected) => {
    const text = kubeletConfigText(`${cluster}${line}\n`, options, machine);
    expect(parse(text).resolvConf).toBe(expected);
  });

  it.each([
    ['0.0.0.0', '0.0.0.0'],
    ['10.0.0.5', '127.0.0.1'],
    ['"::1"', '127.0.0.1'],
  ])('answers for its health where the join asks, whatever the cluster says: %s', (given, expected) => {
    const text = kubeletConfigText(`${cluster}healthzBindAddress: ${given}\n`, options, instance);
    expect(parse(text).healthzBindAddress).toBe(expected);
  });
  it('is accepted by our own kubelet, also without a cluster configuration', () => {
    for (const given of [cluster, undefined]) {
      const text = kubeletConfigText(given, options, {...instance, cgroup: 1});
      const {config: loaded} = loadKubeletConfig([{path: 'config.yaml', text}], {}, 'n1');
      expect(loaded.failCgroupV1).toBe(false);
    }
  });
});

describe('kubeconfigs', () => {
  it('name things as kubeadm does', () => {
    expect(parse(kubeletKubeconfig('https://a', 'CA', '/x.pem'))).toMatchObject({
      'current-context': 'default-context',
      clusters: [{name: 'default-cluster'}],
      users: [{name: 'default-auth', user: {'client-certificate': '/x.pem', 'client-key': '/x.pem'}}],
    });
    expect(parse(bootstrapKubeconfig('https://a', 'CA', {kind: 'token', token: 't'}))).toMatchObject({
      'current-context': 'tls-bootstrap-token-user@kubernetes',
      users: [{name: 'tls-bootstrap-token-user', user: {token: 't'}}],
    });
  });
});

it('names the ConfigMap of the cluster that is broken', () => {
  const broken = 'a: [';
  for (const [configMap, read] of [
    ['kubelet-config', () => kubeletConfigText(broken, options, instance)],
    ['kube-proxy', () => proxyConfigText(options, broken)],
  ] as const)
    expect(read).toThrow(
      expect.objectContaining({code: 'ND302', message: expect.stringContaining(`kube-system/${configMap}`)}),
    );
});

describe('proxyConfigText', () => {
  /** As kubeadm 1.36 writes it: every field, also those that it leaves to their defaults. */
  const kubeadms = `
apiVersion: kubeproxy.config.k8s.io/v1alpha1
bindAddress: 0.0.0.0
bindAddressHardFail: false
clientConnection:
  acceptContentTypes: ""
  burst: 0
  contentType: ""
  kubeconfig: /var/lib/kube-proxy/kubeconfig.conf
  qps: 0
clusterCIDR: 10.200.0.0/16
configSyncPeriod: 0s
conntrack:
  maxPerCore: null
  min: null
  tcpBeLiberal: false
  tcpCloseWaitTimeout: null
  tcpEstablishedTimeout: null
  udpStreamTimeout: 0s
  udpTimeout: 0s
detectLocal:
  bridgeInterface: ""
  interfaceNamePrefix: ""
detectLocalMode: ""
enableProfiling: false
healthzBindAddress: ""
hostnameOverride: ""
iptables:
  localhostNodePorts: null
  masqueradeAll: false
  masqueradeBit: null
  minSyncPeriod: 0s
  syncPeriod: 0s
ipvs:
  excludeCIDRs: null
  minSyncPeriod: 0s
  scheduler: ""
  strictARP: false
  syncPeriod: 0s
  tcpFinTimeout: 0s
  tcpTimeout: 0s
  udpTimeout: 0s
kind: KubeProxyConfiguration
logging:
  flushFrequency: 0
  options:
    json:
      infoBufferSize: "0"
    text:
      infoBufferSize: "0"
  verbosity: 0
metricsBindAddress: ""
mode: ""
nftables:
  masqueradeAll: false
  masqueradeBit: null
  minSyncPeriod: 0s
  syncPeriod: 0s
nodePortAddresses: null
oomScoreAdj: null
portRange: ""
showHiddenMetricsForVersion: ""
winkernel:
  enableDSR: false
  forwardHealthCheckVip: false
  networkName: ""
  rootHnsEndpointName: ""
  sourceVip: ""
`;
  const load = (text: string) => loadProxyConfig({path: 'config.yaml', text}, {}, 'host');

  it('takes the cluster’s, with this node’s name, identity and ports', () => {
    const {config, warnings} = load(proxyConfigText(options, kubeadms));
    expect(warnings).toEqual([]);
    expect(config).toMatchObject({
      nodeName: 'n1',
      kubeconfig: '/var/lib/nodectl/proxy/kubeconfig',
      mode: 'nftables',
      detectLocal: {mode: 'ClusterCIDR', cidrs: {IPv4: '10.200.0.0/16'}},
      healthz: {host: '0.0.0.0', port: 10_256},
      metrics: {host: '127.0.0.1', port: 10_249},
    });
  });

  it.each([
    ['mode', {mode: 'iptables'}, {mode: 'iptables'}],
    [
      'address for scrapers',
      {metricsBindAddress: '0.0.0.0:10249'},
      {metrics: {host: '0.0.0.0', port: 10_249}},
    ],
    ['other port, which nobody here looks at, not', {metricsBindAddress: ':9'}, {metrics: {port: 10_249}}],
    ['range of node ports', {nodePortAddresses: ['10.0.0.0/8']}, {nodePortAddresses: {kind: 'cidrs'}}],
  ])('keeps its %s', (_, fields, expected) => {
    const text = JSON.stringify({kind: 'KubeProxyConfiguration', ...fields});
    expect(load(proxyConfigText(options, text)).config).toMatchObject(expected);
  });

  it('lets the user’s own document win, and does without the cluster’s', () => {
    const own = {...options, proxyConfiguration: {clusterCIDR: '10.1.0.0/16', mode: 'nftables'}};
    expect(load(proxyConfigText(own, kubeadms)).config.detectLocal).toMatchObject({
      cidrs: {IPv4: '10.1.0.0/16'},
    });
    expect(load(proxyConfigText(options, undefined)).config).toMatchObject({
      nodeName: 'n1',
      mode: 'nftables',
    });
  });
});

/** `kubeadm upgrade node` writes config.yaml anew, from the cluster's kubelet-config and this patch of the machine. */
describe('instanceConfigText', () => {
  const own = {...options, kubeletConfiguration: {maxPods: 55}, taints: ['a=b:NoSchedule']};
  const patch = parse(instanceConfigText(cluster, own, {...instance, cgroup: 1}));

  it('names the runtime’s socket, which is all that kubeadm itself writes', () =>
    expect(patch.containerRuntimeEndpoint).toBe('unix:///run/containerd/containerd.sock'));

  it('keeps what this machine and its user decided', () => {
    const upgraded = {...parse(cluster), ...patch};
    const {cgroupDriver, failCgroupV1, maxPods, registerWithTaints, clusterDNS} = parse(
      kubeletConfigText(cluster, own, {...instance, cgroup: 1}),
    );
    expect(upgraded).toMatchObject({cgroupDriver, failCgroupV1, maxPods, registerWithTaints, clusterDNS});
    expect(patch).not.toHaveProperty('clusterDNS');
  });
});

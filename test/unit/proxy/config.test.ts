import {describe, expect, it} from 'vitest';
import {loadProxyConfig, type ProxyFlags} from '../../../src/config/proxy.ts';

const head = 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n';
const load = (text: string, flags: ProxyFlags = {}) =>
  loadProxyConfig({path: 'p.yaml', text: head + text}, flags, 'Host.Example');

/** What kubeadm writes into its ConfigMap: nulls and zeros everywhere. */
const kubeadm = `bindAddress: 0.0.0.0
bindAddressHardFail: false
clientConnection: {acceptContentTypes: "", burst: 0, contentType: "", kubeconfig: /var/lib/kube-proxy/kubeconfig.conf, qps: 0}
clusterCIDR: 10.244.0.0/16
configSyncPeriod: 0s
conntrack: {maxPerCore: null, min: null, tcpBeLiberal: false, tcpCloseWaitTimeout: null, tcpEstablishedTimeout: null, udpStreamTimeout: 0s, udpTimeout: 0s}
detectLocal: {bridgeInterface: "", interfaceNamePrefix: ""}
detectLocalMode: ""
enableProfiling: false
healthzBindAddress: ""
hostnameOverride: ""
iptables: {localhostNodePorts: null, masqueradeAll: false, masqueradeBit: null, minSyncPeriod: 0s, syncPeriod: 0s}
ipvs: {excludeCIDRs: null, minSyncPeriod: 0s, scheduler: "", strictARP: false, syncPeriod: 0s, tcpFinTimeout: 0s, tcpTimeout: 0s, udpTimeout: 0s}
logging: {flushFrequency: 0, options: {json: {infoBufferSize: "0"}, text: {infoBufferSize: "0"}}, verbosity: 0}
metricsBindAddress: ""
mode: ""
nftables: {masqueradeAll: false, masqueradeBit: null, minSyncPeriod: 0s, syncPeriod: 0s}
nodePortAddresses: null
oomScoreAdj: null
portRange: ""
showHiddenMetricsForVersion: ""
winkernel: {enableDSR: false, forwardHealthCheckVip: false, networkName: "", rootHnsEndpointName: "", sourceVip: ""}
`;

describe('a KubeProxyConfiguration', () => {
  it("of kubeadm's is read with every default", () => {
    const {config, warnings} = load(kubeadm);
    expect(warnings).toEqual([]);
    expect(config).toMatchObject({
      nodeName: 'host.example',
      kubeconfig: '/var/lib/kube-proxy/kubeconfig.conf',
      healthz: {host: '0.0.0.0', port: 10_256},
      metrics: {host: '127.0.0.1', port: 10_249},
      table: 'nodectl-proxy',
      masqueradeMark: 0x4000,
      syncPeriodMs: 30_000,
      minSyncPeriodMs: 1_000,
      detectLocal: {mode: 'ClusterCIDR', cidrs: {IPv4: '10.244.0.0/16'}},
      nodePortAddresses: {kind: 'primary'},
      oomScoreAdj: -999,
      conntrack: {maxPerCore: 32_768, min: 131_072, tcpEstablishedTimeout: 86_400_000},
    });
  });

  it('takes the mode iptables with its own part, and serves ipvs by nftables and says so', () => {
    const {config, warnings} = load('mode: iptables\niptables: {masqueradeAll: true, masqueradeBit: 3}\n');
    expect(warnings).toEqual([]);
    expect(config).toMatchObject({masqueradeAll: true, masqueradeMark: 8, nodePortAddresses: {kind: 'all'}});
    expect(config).toMatchObject({mode: 'iptables', localhostNodePorts: true});
    const ipvs = load('mode: ipvs\n');
    expect(ipvs.warnings).toEqual([expect.stringContaining('nftables')]);
    expect(ipvs.config.mode).toBe('nftables');
  });

  it('in IPv6 listens in IPv6', () => {
    const {config} = load('bindAddress: "::"\n');
    expect(config).toMatchObject({healthz: {host: '::', port: 10_256}, metrics: {host: '::1', port: 10_249}});
  });

  it.each([
    ['0.0.0.0', {host: '0.0.0.0', port: 10_256}],
    ['127.0.0.1:99', {host: '127.0.0.1', port: 99}],
    ['"[::1]:99"', {host: '::1', port: 99}],
    ['"::1"', {host: '::1', port: 10_256}],
  ])('health on %s', (text, endpoint) => {
    expect(load(`healthzBindAddress: ${text}\n`).config.healthz).toEqual(endpoint);
  });

  it('has flags over it', () => {
    const {config} = load('hostnameOverride: file\nclusterCIDR: 10.0.0.0/8\n', {
      hostnameOverride: 'flag',
      clusterCidr: '10.1.0.0/16,fd00::/64',
      nodeportAddresses: '192.168.0.0/16',
    });
    expect(config).toMatchObject({
      nodeName: 'flag',
      detectLocal: {cidrs: {IPv4: '10.1.0.0/16', IPv6: 'fd00::/64'}},
      nodePortAddresses: {kind: 'cidrs', cidrs: [{text: '192.168.0.0/16'}]},
    });
  });

  it.each([
    ['bindAdress: 1.2.3.4\n', 'p.yaml:3:1: bindAdress: unknown field'],
    ['nftables: {\n  masqueradeBitt: 3}\n', 'p.yaml:4:3: nftables.masqueradeBitt: unknown field'],
    ['nftables:\n  syncPeriod: soon\n', 'p.yaml:4:3: nftables.syncPeriod: is not a duration such as 1m30s'],
    ['nftables: {masqueradeBit: 32}\n', 'nftables.masqueradeBit'],
    ['mode: userspace\n', 'mode'],
    ['bindAddress: here\n', 'bindAddress: here is not an IP address'],
    ['healthzBindAddress: 0.0.0.0:99999\n', 'healthzBindAddress'],
    ['clusterCIDR: 10.0.0.0\n', 'clusterCIDR'],
    ['clusterCIDR: 10.0.0.0/8,10.1.0.0/16\n', 'at most one CIDR of each family'],
    ['nodePortAddresses: [primary, 10.0.0.0/8]\n', 'primary'],
    ['nodePortAddresses: [10.0.0.1]\n', 'is not a CIDR'],
    ['detectLocalMode: BridgeInterface\n', 'detectLocal.bridgeInterface'],
    ['detectLocalMode: InterfaceNamePrefix\n', 'detectLocal.interfaceNamePrefix'],
    ['conntrack: {min: -1}\n', 'conntrack.min'],
    ['oomScoreAdj: -1001\n', 'oomScoreAdj'],
    ['mode: [\n', 'p.yaml:'],
  ])('%j is refused', (text, complaint) => {
    expect(() => load(text)).toThrow(complaint);
  });

  it('says by name what it has no use for', () => {
    const text = `clientConnection: {qps: 50}
portRange: 1-2
ipvs: {scheduler: rr}
winkernel: {enableDSR: true}
logging: {format: json}
featureGates: {AllowServiceExternalIPs: false, NoSuchGate: true}
`;
    const names = load(text).warnings.map((warning) => warning.split(' ')[0]);
    expect(names.sort()).toEqual(
      [
        'clientConnection.qps',
        'featureGates.NoSuchGate',
        'ipvs',
        'logging.format',
        'portRange',
        'winkernel',
      ].sort(),
    );
  });

  it('of another kind is refused', () => {
    expect(() => loadProxyConfig({path: 'p', text: 'kind: KubeletConfiguration\n'}, {}, 'h')).toThrow(
      'must be KubeProxyConfiguration',
    );
  });
});

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

  it.each([
    ['mode: nftables\n', '0.0.0.0:10256', '127.0.0.1:10249', ['primary']],
    ['mode: iptables\nbindAddress: "::"\n', '[::]:10256', '[::1]:10249', []],
    [
      'healthzBindAddress: 192.0.2.1\nnodePortAddresses: [192.0.2.0/24]\n',
      '192.0.2.1:10256',
      '127.0.0.1:10249',
      ['192.0.2.0/24'],
    ],
  ])('shows what is meant where nothing was said: %j', (text, healthz, metrics, nodePortAddresses) => {
    expect(load(text).config.configuration).toMatchObject({
      healthzBindAddress: healthz,
      metricsBindAddress: metrics,
      nodePortAddresses,
      detectLocalMode: 'ClusterCIDR',
    });
  });

  it.each(['1500ms', '1500000000'])(
    'reads logging.flushFrequency: %s, a number in nanoseconds',
    (frequency) => {
      const {config} = load(`logging: {flushFrequency: ${frequency}}\n`);
      expect(config.configuration.logging.flushFrequency).toBe(1500);
    },
  );

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

  /** TestLoadConfig: v1alpha1 is read leniently, so that a ConfigMap of an old cluster, or of a newer one, still works. */
  it('tells of fields that it does not know, and reads the rest', () => {
    const text = `bindAdress: 1.2.3.4
udpIdleTimeout: 250ms
nftables: {
  masqueradeBitt: 3, masqueradeAll: true}
logging: {vmodule: [{filePattern: x, verbosity: 1, more: 2}]}
`;
    const {config, warnings} = load(text);
    expect(warnings.filter((warning) => warning.includes('unknown')).sort()).toEqual([
      'p.yaml:3:1: bindAdress: unknown field',
      'p.yaml:4:1: udpIdleTimeout: unknown field',
      'p.yaml:6:3: nftables.masqueradeBitt: unknown field',
      'p.yaml:7:52: logging.vmodule.0.more: unknown field',
    ]);
    expect(config.masqueradeAll).toBe(true);
    expect(() => load('nope: 1\nbindAddress: here\n')).toThrow('bindAddress: here is not an IP address');
    expect(() => load('nope: 1\nconntrack: {min: -1}\n')).toThrow('conntrack.min');
  });

  it.each([
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
    ['mode: kernelspace\n', 'mode'],
    ['bindAddress: 10.10.12.11:2000\n', 'bindAddress: 10.10.12.11:2000 is not an IP address'],
    ['bindAddress: "[::]"\n', 'bindAddress'],
    ['healthzBindAddress: 10.10.10.10:foo\n', 'healthzBindAddress'],
    ['healthzBindAddress: 10.10.10.10:0\n', 'healthzBindAddress'],
    ['healthzBindAddress: 10.10.10.10:65536\n', 'healthzBindAddress'],
    ['healthzBindAddress: 123.456.789.10:12345\n', 'healthzBindAddress'],
    ['metricsBindAddress: 127.0.0.1:foo\n', 'metricsBindAddress'],
    ['configSyncPeriod: -1s\n', 'configSyncPeriod'],
    ['iptables: {syncPeriod: -5s}\n', 'iptables.syncPeriod'],
    ['nftables: {minSyncPeriod: -2s}\n', 'nftables.minSyncPeriod'],
    ['mode: nftables\nnftables: {syncPeriod: 1s, minSyncPeriod: 5s}\n', 'nftables.syncPeriod'],
    ['mode: iptables\niptables: {syncPeriod: 1s, minSyncPeriod: 5s}\n', 'iptables.syncPeriod'],
    ['mode: ipvs\nipvs: {syncPeriod: 1s, minSyncPeriod: 5s}\n', 'ipvs.syncPeriod'],
    ['iptables: {syncPeriod: 1s, minSyncPeriod: 5s}\n', 'iptables.syncPeriod'],
    ['iptables: {masqueradeBit: -10}\n', 'iptables.masqueradeBit'],
    ['mode: ipvs\nipvs: {tcpTimeout: -1s}\n', 'ipvs.tcpTimeout'],
    ['mode: ipvs\nipvs: {tcpFinTimeout: -1s}\n', 'ipvs.tcpFinTimeout'],
    ['mode: ipvs\nipvs: {udpTimeout: -1s}\n', 'ipvs.udpTimeout'],
    ['mode: ipvs\nipvs: {excludeCIDRs: [10.0.0.0/0, 1.2.3]}\n', 'ipvs.excludeCIDRs: 1.2.3 is not a CIDR'],
    ['mode: ipvs\nipvs: {excludeCIDRs: ["::1"]}\n', 'ipvs.excludeCIDRs: ::1 is not a CIDR'],
    ['conntrack: {maxPerCore: -1}\n', 'conntrack.maxPerCore'],
    ['conntrack: {tcpEstablishedTimeout: -5s}\n', 'conntrack.tcpEstablishedTimeout'],
    ['conntrack: {tcpCloseWaitTimeout: -5s}\n', 'conntrack.tcpCloseWaitTimeout'],
    ['conntrack: {udpTimeout: -5s}\n', 'conntrack.udpTimeout'],
    ['conntrack: {udpStreamTimeout: -5s}\n', 'conntrack.udpStreamTimeout'],
    ['oomScoreAdj: 1001\n', 'oomScoreAdj'],
    ['clientConnection: {burst: -5}\n', 'clientConnection.burst'],
    ['detectLocalMode: Guess\n', 'detectLocalMode'],
    ['clusterCIDR: 192.168.59.0/24,fd00::/64,10.0.0.0/16\n', 'clusterCIDR'],
    ['clusterCIDR: fd00:10:96::/112,fde4:8dba:82e1::/48\n', 'at most one CIDR of each family'],
    ['clusterCIDR: fde4:8dba:82e1::/48,172.16.200.0:24\n', 'clusterCIDR'],
    ['nodePortAddresses: [127.0.0.1/32, "0"]\n', 'nodePortAddresses: 0 is not a CIDR'],
    ['nodePortAddresses: [2001:db8:xyz/64]\n', 'nodePortAddresses'],
    ['nodePortAddresses: [127.0.0.1/32, primary]\n', 'primary'],
    ['logging: {format: odd}\n', 'logging.format: odd is neither text nor json'],
    ['logging: {format: json, vmodule: [{filePattern: x, verbosity: 1}]}\n', 'logging.vmodule'],
    ['showHiddenMetricsForVersion: "1.2"\n', 'showHiddenMetricsForVersion'],
    ['hostnameOverride: "   "\n', 'hostnameOverride'],
    ['featureGates: {NoSuchGate: true}\n', 'featureGates.NoSuchGate'],
    ['featureGates: {NFTablesProxyMode: false}\n', 'featureGates.NFTablesProxyMode: is locked'],
    ['mode: [\n', 'p.yaml:'],
    ['bindAddress: ::\n', 'p.yaml:'],
  ])('%j is refused', (text, complaint) => {
    expect(() => load(text)).toThrow(complaint);
  });

  /** pkg/proxy/apis/config/validation and cmd/kube-proxy/app/options_test.go. */
  it.each([
    'bindAddress: fd00:192:168:59::103\nmetricsBindAddress: "[::1]:10249"\nclusterCIDR: fd00:192:168:59::/64\n',
    'bindAddress: ::0\n',
    'healthzBindAddress: 0.0.0.0:12345\n',
    'clusterCIDR: 192.168.59.0/24,fd00:192:168::/64\n',
    'clusterCIDR: ""\ndetectLocalMode: ClusterCIDR\n',
    'detectLocalMode: NodeCIDR\nclusterCIDR: unused\n',
    'detectLocalMode: InterfaceNamePrefix\ndetectLocal: {interfaceNamePrefix: vethabcde}\n',
    'detectLocalMode: BridgeInterface\ndetectLocal: {bridgeInterface: avz}\n',
    'mode: nftables\niptables: {syncPeriod: 1s, minSyncPeriod: 5s}\n',
    'mode: iptables\nipvs: {excludeCIDRs: [odd]}\n',
    'mode: ipvs\nipvs: {tcpTimeout: 0s, tcpFinTimeout: 2s, udpTimeout: 3s}\n',
    'nodePortAddresses: ["::/0"]\n',
    'nodePortAddresses: [127.0.0.1/32, 1.2.3.0/24, "2001:db8::/32"]\n',
    'nodePortAddresses: [10.20.30.40/16, "fd00:1::0/64"]\n',
    'conntrack: {tcpEstablishedTimeout: 0s, tcpCloseWaitTimeout: 0s, maxPerCore: 0, min: 0}\n',
    'oomScoreAdj: 0\n',
    'clientConnection: {burst: 0}\n',
    'showHiddenMetricsForVersion: "1.35"\n',
  ])('%j is taken', (text) => {
    expect(() => load(text)).not.toThrow();
  });

  it('of a blank name by flag is refused', () => {
    expect(() => load('', {hostnameOverride: '   '})).toThrow('hostnameOverride');
    expect(load('', {hostnameOverride: '  Bar '}).config.nodeName).toBe('bar');
  });

  it('says by name what it has no use for', () => {
    const text = `clientConnection: {qps: 50}
portRange: 1-2
ipvs: {scheduler: rr}
winkernel: {enableDSR: true}
logging: {format: json}
featureGates: {AllowServiceExternalIPs: false, ImageVolume: true}
`;
    const names = load(text).warnings.map((warning) => warning.split(' ')[0]);
    expect(names.sort()).toEqual(
      [
        'clientConnection.qps',
        'featureGates.ImageVolume',
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

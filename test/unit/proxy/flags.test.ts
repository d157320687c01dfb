import {describe, expect, it} from 'vitest';
import ServeProxy from '../../../src/commands/proxy.ts';
import {normaliseArguments} from '../../../src/config/kubelet/argv.ts';
import {proxyFlagRules} from '../../../src/config/proxy/flag-names.ts';
import {loadProxyConfig} from '../../../src/config/proxy.ts';

/** `kube-proxy --help` of 1.36. */
const known = [
  ...['bind-address', 'bind-address-hard-fail', 'boot-id-file', 'cleanup', 'cluster-cidr', 'config'],
  ...['config-sync-period', 'conntrack-max-per-core', 'conntrack-min', 'conntrack-tcp-be-liberal'],
  ...['conntrack-tcp-timeout-close-wait', 'conntrack-tcp-timeout-established', 'conntrack-udp-timeout'],
  ...['conntrack-udp-timeout-stream', 'detect-local-mode', 'feature-gates', 'healthz-bind-address'],
  ...['hostname-override', 'init-only', 'iptables-localhost-nodeports', 'iptables-masquerade-bit'],
  ...['iptables-min-sync-period', 'iptables-sync-period', 'ipvs-exclude-cidrs', 'ipvs-min-sync-period'],
  ...['ipvs-scheduler', 'ipvs-strict-arp', 'ipvs-sync-period', 'ipvs-tcp-timeout', 'ipvs-tcpfin-timeout'],
  ...['ipvs-udp-timeout', 'kube-api-burst', 'kube-api-content-type', 'kube-api-qps', 'kubeconfig'],
  ...['log-flush-frequency', 'log-json-info-buffer-size', 'log-json-split-stream', 'logging-format'],
  ...['log-text-info-buffer-size', 'log-text-split-stream', 'machine-id-file', 'masquerade-all'],
  ...['metrics-bind-address', 'nodeport-addresses', 'oom-score-adj', 'pod-bridge-interface', 'profiling'],
  ...['pod-interface-name-prefix', 'proxy-mode', 'show-hidden-metrics-for-version', 'v', 'vmodule'],
];

const load = (fields: Record<string, string>, text = '') =>
  loadProxyConfig(text === '' ? undefined : {path: 'p.yaml', text: `${head}${text}`}, {fields}, 'host')
    .config;
const head = 'apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n';

describe("kube-proxy's flags", () => {
  it('are all known but those that would do something else: another server, a file', () => {
    const {flags} = ServeProxy;
    expect(known.filter((name) => !Object.hasOwn(flags, name))).toEqual([]);
    for (const name of ['master', 'write-config-to']) expect(flags).not.toHaveProperty(name);
  });

  it.each<[string, string, object]>([
    ['bind-address-hard-fail', 'true', {bindAddressHardFail: true}],
    ['conntrack-tcp-be-liberal', 'T', {conntrack: {tcpBeLiberal: true, min: 131_072}}],
    ['conntrack-tcp-timeout-close-wait', '30m', {conntrack: {tcpCloseWaitTimeout: 1_800_000}}],
    ['conntrack-tcp-timeout-established', '0s', {conntrack: {tcpEstablishedTimeout: 0}}],
    ['conntrack-udp-timeout', '10s', {conntrack: {udpTimeout: 10_000}}],
    ['conntrack-udp-timeout-stream', '1m30s', {conntrack: {udpStreamTimeout: 90_000}}],
    ['feature-gates', 'AllowServiceExternalIPs=false,ContextualLogging=true', {allowExternalIPs: false}],
    ['iptables-masquerade-bit', '3', {configuration: {iptables: {masqueradeBit: 3}}}],
    ['iptables-min-sync-period', '2s', {minSyncPeriodMs: 2_000}],
    ['iptables-sync-period', '40s', {syncPeriodMs: 40_000}],
    ['ipvs-exclude-cidrs', '10.0.0.0/8, 11.0.0.0/8', {configuration: {ipvs: {excludeCIDRs: {length: 2}}}}],
    ['kube-api-qps', '7.5', {configuration: {clientConnection: {qps: 7.5, burst: 10}}}],
    ['masquerade-all', 'true', {masqueradeAll: true}],
    ['oom-score-adj', '-500', {oomScoreAdj: -500}],
  ])('--%s=%s', (name, value, expected) => {
    expect(load({[name]: value})).toMatchObject(expected);
  });

  it('win over the file, and leave the rest of it', () => {
    const file = 'conntrack: {min: 5, udpTimeout: 1s}\nnftables: {syncPeriod: 9s, masqueradeBit: 2}\n';
    const config = load({'conntrack-udp-timeout': '2s', 'iptables-sync-period': '8s'}, file);
    expect(config).toMatchObject({conntrack: {min: 5, udpTimeout: 2_000}, syncPeriodMs: 8_000});
    expect(config.masqueradeMark).toBe(4);
  });

  it.each([
    ['oom-score-adj', '1001', '--oom-score-adj: "1001" is not right for oomScoreAdj'],
    ['oom-score-adj', 'low', '--oom-score-adj: "low" is not a number'],
    [
      'iptables-masquerade-bit',
      '32',
      '--iptables-masquerade-bit: "32" is not right for iptables.masqueradeBit',
    ],
    ['iptables-masquerade-bit', '', '--iptables-masquerade-bit: "" is not a number'],
    ['conntrack-udp-timeout', '10', '--conntrack-udp-timeout: "10" is not right for conntrack.udpTimeout'],
    ['masquerade-all', 'yes', '--masquerade-all: "yes" is not true or false'],
    ['feature-gates', 'A', '--feature-gates A: "" is not true or false'],
  ])('--%s=%s is refused by name', (name, value, message) => {
    expect(() => load({[name]: value})).toThrow(message);
  });

  it('are read as Go reads them', () => {
    const words = [
      '--cleanup',
      '--masquerade_all=false',
      '--feature-gates=A=true',
      '--feature-gates',
      'B=false',
    ];
    expect(normaliseArguments(['--v', '2', ...words], proxyFlagRules)).toEqual([
      '--v=2',
      '--cleanup=true',
      '--masquerade-all=false',
      '--feature-gates=A=true,B=false',
    ]);
  });

  it('that mean nothing here are told', () => {
    expect(loadProxyConfig(undefined, {idle: ['vmodule']}, 'host').warnings).toEqual([
      '--vmodule: has no effect',
    ]);
  });
});

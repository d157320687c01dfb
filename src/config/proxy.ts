import {type Cidr, type Family, joinHostPort, parseAddress, parseCidr} from '../lib/addresses.ts';
import {NodectlError} from '../lib/errors.ts';
import {readDocument, type Source} from './document.ts';
import {type Endpoint, readEndpoint} from './proxy/bind.ts';
import {type ProxyFlags, withFlags} from './proxy/flags.ts';
import {type KubeProxyConfiguration, kubeProxyConfiguration} from './proxy/schema.ts';
import {unusedFields} from './proxy/unused.ts';
import {cidrList, validate} from './proxy/validate.ts';

export type {Source} from './document.ts';
export type {ProxyFlags} from './proxy/flags.ts';
export type {KubeProxyConfiguration} from './proxy/schema.ts';

/** How traffic of pods on this node is told from other traffic (detectLocalMode). */
export type DetectLocal =
  | {readonly mode: 'ClusterCIDR'; readonly cidrs: Readonly<Partial<Record<Family, string>>>}
  | {readonly mode: 'NodeCIDR'}
  | {readonly mode: 'BridgeInterface'; readonly name: string}
  | {readonly mode: 'InterfaceNamePrefix'; readonly prefix: string};

/** Which addresses of the node serve node ports. */
export type NodePortAddresses =
  | {readonly kind: 'all'}
  | {readonly kind: 'primary'}
  | {readonly kind: 'cidrs'; readonly cidrs: readonly Cidr[]};

/** Everything that configures the service proxy, defaults filled in; durations are milliseconds. */
export type ProxyConfig = {
  readonly nodeName: string;
  readonly kubeconfig: string;
  readonly bindAddress: string;
  readonly healthz: Endpoint;
  readonly metrics: Endpoint;
  readonly bindAddressHardFail: boolean;
  /** The name of the private table, one in each family; two proxies of one namespace need two. */
  readonly table: string;
  /** What was asked for; the kernel may decide otherwise. */
  readonly mode: 'nftables' | 'iptables';
  readonly masqueradeMark: number;
  readonly masqueradeAll: boolean;
  readonly syncPeriodMs: number;
  /** No change waits longer than this to be committed with others. */
  readonly minSyncPeriodMs: number;
  readonly detectLocal: DetectLocal;
  readonly nodePortAddresses: NodePortAddresses;
  readonly allowExternalIPs: boolean;
  /** Node ports answer on loopback addresses too: iptables only. */
  readonly localhostNodePorts: boolean;
  readonly oomScoreAdj: number;
  readonly conntrack: KubeProxyConfiguration['conntrack'];
  readonly verbosity: number;
  /** As /configz shows it. */
  readonly configuration: KubeProxyConfiguration;
};

export type LoadedProxyConfig = {readonly config: ProxyConfig; readonly warnings: readonly string[]};

/**
 * The configuration file with flags over it. (kube-proxy ignores most flags beside --config; a flag that was typed
 * on purpose wins here, as it does for the kubelet.) Fields that older or newer versions know are told of and left out,
 * as kube-proxy does with v1alpha1.
 * @throws NodectlError ND711 that names each wrong field
 */
export function loadProxyConfig(
  source: Source | undefined,
  flags: ProxyFlags,
  hostname: string,
): LoadedProxyConfig {
  const unknown: string[] = [];
  const written =
    source === undefined
      ? emptyConfiguration()
      : readDocument(source, kubeProxyConfiguration, 'ND711', (complaint) => unknown.push(complaint)).data;
  const configuration = withFlags(written, flags);
  const problems = validate(configuration);
  if (problems.length > 0) throw new NodectlError('ND711', problems.join('\n'));
  return {
    config: Object.freeze(resolve(configuration, flags, hostname)),
    warnings: [
      ...unknown,
      ...warningsOf(configuration),
      ...(flags.idle ?? []).map((name) => `--${name}: has no effect`),
    ],
  };
}

function emptyConfiguration(): KubeProxyConfiguration {
  const kind = {apiVersion: 'kubeproxy.config.k8s.io/v1alpha1', kind: 'KubeProxyConfiguration'};
  return kubeProxyConfiguration.parse(kind);
}

function resolve(c: KubeProxyConfiguration, flags: ProxyFlags, hostname: string): ProxyConfig {
  const six = parseAddress(c.bindAddress)?.family === 'IPv6';
  const plane = c.mode === 'iptables' || c.mode === 'ipvs' ? c.iptables : c.nftables;
  const healthz = readEndpoint(c.healthzBindAddress, {host: six ? '::' : '0.0.0.0', port: 10_256});
  const metrics = readEndpoint(c.metricsBindAddress, {host: six ? '::1' : '127.0.0.1', port: 10_249});
  const nodePortAddresses = nodePortAddressesOf(c);
  return {
    nodeName: (c.hostnameOverride || hostname).trim().toLowerCase(),
    kubeconfig: c.clientConnection.kubeconfig,
    bindAddress: c.bindAddress,
    healthz,
    metrics,
    bindAddressHardFail: c.bindAddressHardFail,
    table: flags.table ?? 'nodectl-proxy',
    mode: c.mode === 'iptables' ? 'iptables' : 'nftables',
    masqueradeMark: (1 << plane.masqueradeBit) >>> 0,
    masqueradeAll: plane.masqueradeAll || (c.mode === '' && c.iptables.masqueradeAll),
    syncPeriodMs: plane.syncPeriod,
    minSyncPeriodMs: plane.minSyncPeriod,
    detectLocal: detectLocalOf(c),
    nodePortAddresses,
    allowExternalIPs: c.featureGates.AllowServiceExternalIPs ?? true,
    localhostNodePorts: c.iptables.localhostNodePorts,
    oomScoreAdj: c.oomScoreAdj,
    conntrack: c.conntrack,
    verbosity: flags.verbosity ?? c.logging.verbosity,
    // With what is meant where nothing was said.
    configuration: {
      ...c,
      healthzBindAddress: joinHostPort(healthz.host, healthz.port),
      metricsBindAddress: joinHostPort(metrics.host, metrics.port),
      detectLocalMode: c.detectLocalMode || 'ClusterCIDR',
      nodePortAddresses: nodePortAddresses.kind === 'primary' ? ['primary'] : c.nodePortAddresses,
    },
  };
}

function detectLocalOf(c: KubeProxyConfiguration): DetectLocal {
  const {bridgeInterface, interfaceNamePrefix} = c.detectLocal;
  switch (c.detectLocalMode) {
    case 'NodeCIDR':
      return {mode: 'NodeCIDR'};
    case 'BridgeInterface':
      return {mode: 'BridgeInterface', name: bridgeInterface};
    case 'InterfaceNamePrefix':
      return {mode: 'InterfaceNamePrefix', prefix: interfaceNamePrefix};
    case '':
    case 'ClusterCIDR': {
      const cidrs: Partial<Record<Family, string>> = {};
      for (const cidr of cidrList(c.clusterCIDR).map(parseCidr))
        if (cidr !== undefined) cidrs[cidr.family] ??= cidr.text;
      return {mode: 'ClusterCIDR', cidrs};
    }
  }
}

/** The nftables mode serves the primary addresses by default, the older modes all of them. */
function nodePortAddressesOf(c: KubeProxyConfiguration): NodePortAddresses {
  const [first] = c.nodePortAddresses;
  if (first === 'primary') return {kind: 'primary'};
  if (first === undefined) return {kind: c.mode === 'iptables' || c.mode === 'ipvs' ? 'all' : 'primary'};
  const cidrs = c.nodePortAddresses.map(parseCidr).filter((cidr) => cidr !== undefined);
  return {kind: 'cidrs', cidrs};
}

/** kube-proxy is to lose its ipvs mode: its Services are served by nftables. It is said once. */
function warningsOf(c: KubeProxyConfiguration): string[] {
  const unused = unusedFields(c, emptyConfiguration());
  if (c.mode !== 'ipvs') return unused;
  return ['mode ipvs was asked for; Services are served by nftables', ...unused];
}

import {parseAddress, parseCidr} from '../../lib/addresses.ts';
import {gateProblems} from '../kubelet/feature-gates.ts';
import {readEndpoint} from './bind.ts';
import type {KubeProxyConfiguration} from './schema.ts';

export function cidrList(text: string): string[] {
  return text === '' ? [] : text.split(',').map((part) => part.trim());
}

const rule = (ok: boolean, complaint: string) => (ok ? [] : [complaint]);

/** pkg/proxy/apis/config/validation, the rules that are not of one field alone. */
export function validate(c: KubeProxyConfiguration): string[] {
  return [
    ...rule(
      c.hostnameOverride === '' || c.hostnameOverride.trim() !== '',
      'hostnameOverride: must not be blank',
    ),
    // The two programs of one version know the same gates.
    ...gateProblems(c.featureGates),
    ...validateListening(c),
    ...validateNodePorts(c.nodePortAddresses),
    ...validateDetectLocal(c),
    ...planesOf(c).flatMap((plane) =>
      rule(c[plane].minSyncPeriod <= c[plane].syncPeriod, `${plane}.syncPeriod: below minSyncPeriod`),
    ),
    ...(c.mode === 'ipvs' ? validateCidrs('ipvs.excludeCIDRs', c.ipvs.excludeCIDRs) : []),
    ...validateLogging(c.logging),
    ...rule(
      ['', previousMinor].includes(c.showHiddenMetricsForVersion),
      `showHiddenMetricsForVersion: must be ${previousMinor} or nothing`,
    ),
  ];
}

/** Of the version that this proxy does the work of. */
const previousMinor = '1.35';

function validateListening(c: KubeProxyConfiguration): string[] {
  return [
    ...rule(parseAddress(c.bindAddress) !== undefined, `bindAddress: ${c.bindAddress} is not an IP address`),
    ...(['healthzBindAddress', 'metricsBindAddress'] as const).flatMap((field) =>
      rule(isEndpoint(c[field]), `${field}: ${c[field]} is not IP:port`),
    ),
  ];
}

function validateNodePorts(addresses: readonly string[]): string[] {
  return [
    ...rule(
      addresses.length <= 1 || !addresses.includes('primary'),
      'nodePortAddresses: primary and CIDRs exclude each other',
    ),
    ...validateCidrs(
      'nodePortAddresses',
      addresses.filter((text) => text !== 'primary'),
    ),
  ];
}

function validateCidrs(field: string, texts: readonly string[]): string[] {
  return texts.flatMap((text) => rule(parseCidr(text) !== undefined, `${field}: ${text} is not a CIDR`));
}

/** What another mode would need is not looked at. */
function validateDetectLocal({detectLocalMode, detectLocal, clusterCIDR}: KubeProxyConfiguration): string[] {
  switch (detectLocalMode) {
    case 'NodeCIDR':
      return [];
    case 'BridgeInterface':
      return rule(
        detectLocal.bridgeInterface !== '',
        'detectLocal.bridgeInterface: needed by detectLocalMode BridgeInterface',
      );
    case 'InterfaceNamePrefix':
      return rule(
        detectLocal.interfaceNamePrefix !== '',
        'detectLocal.interfaceNamePrefix: needed by detectLocalMode InterfaceNamePrefix',
      );
    case '':
    case 'ClusterCIDR': {
      const cidrs = cidrList(clusterCIDR);
      const families = new Set(cidrs.map((text) => parseCidr(text)?.family));
      return [
        ...rule(!families.has(undefined), `clusterCIDR: ${clusterCIDR} is not a CIDR or two`),
        ...rule(
          cidrs.length <= 2 && families.size === cidrs.length,
          'clusterCIDR: at most one CIDR of each family',
        ),
      ];
    }
  }
}

/** Those whose periods count. */
function planesOf({mode}: KubeProxyConfiguration): readonly ('iptables' | 'ipvs' | 'nftables')[] {
  return mode === '' ? ['iptables', 'nftables'] : [mode];
}

/** component-base/logs/api/v1, Validate. */
function validateLogging({format, vmodule}: KubeProxyConfiguration['logging']): string[] {
  return [
    ...rule(format === 'text' || format === 'json', `logging.format: ${format} is neither text nor json`),
    ...rule(vmodule.length === 0 || format === 'text', 'logging.vmodule: only for the format text'),
  ];
}

function isEndpoint(text: string): boolean {
  const endpoint = text === '' ? {host: '0.0.0.0', port: 1} : readEndpoint(text, {host: '', port: 1});
  return parseAddress(endpoint.host) !== undefined && endpoint.port >= 1 && endpoint.port <= 65_535;
}

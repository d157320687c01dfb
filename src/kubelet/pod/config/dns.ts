import type {Pod} from '../../../lib/kubernetes.ts';

export type DnsConfig = {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
};

export type DnsInput = {
  readonly pod: Pod;
  /** The node's resolv.conf; undefined when the configuration names none (`resolvConf: ""`). */
  readonly resolvConf: string | undefined;
  readonly clusterDns: readonly string[];
  readonly clusterDomain: string;
  readonly nodeIps: readonly string[];
};

/** Events about the pod that its DNS settings give cause for. */
export type DnsWarning = {
  readonly reason: 'DNSConfigForming' | 'MissingClusterDNS';
  readonly message: string;
  /** Of what the node lacks, it is told too. */
  readonly forNode?: string;
};
export type PodDns = {readonly config: DnsConfig; readonly warnings: readonly DnsWarning[]};

/** pkg/apis/core/validation */
const maxServers = 3;
const maxSearches = 32;
const maxSearchCharacters = 2048;
const maxSearchLength = 253;

/** What the runtime writes into a pod's resolv.conf (pkg/kubelet/network/dns, GetPodDNS). */
export function podDns(input: DnsInput): PodDns {
  const {pod, clusterDns} = input;
  const policy = pod.spec.dnsPolicy ?? 'ClusterFirst';
  const host =
    input.resolvConf === undefined
      ? {servers: [], searches: [], options: []}
      : parseResolvConf(input.resolvConf);
  const warnings: DnsWarning[] = [];
  let config: DnsConfig;
  if (policy === 'None') config = {servers: [], searches: [], options: []};
  else if (policy === 'Default' || (policy === 'ClusterFirst' && pod.spec.hostNetwork === true))
    config = hostDns(host, input);
  else if (clusterDns.length > 0) {
    const searches = clusterSearches(host.searches, input);
    config = {servers: clusterDns, searches, options: ['ndots:5']};
  } else {
    const {name, namespace, uid} = pod.metadata;
    const message = `pod: "${name}_${namespace}(${uid})". ${missingClusterDns}`;
    warnings.push({reason: 'MissingClusterDNS', message, forNode: missingClusterDns});
    config = hostDns(host, input);
  }
  const limited = limit(withPodConfig(config, pod));
  return {config: limited.config, warnings: [...warnings, ...limited.warnings]};
}

const missingClusterDns =
  'kubelet does not have ClusterDNS IP configured and cannot create Pod using "ClusterFirst" policy. Falling back to "Default" policy.';

/**
 * resolv.conf: nameservers add up, the last search line wins, a later option of the same name replaces an earlier one.
 */
export function parseResolvConf(text: string): DnsConfig {
  const servers: string[] = [];
  let searches: string[] = [];
  const options = new Map<string, string>();
  for (const line of text.split('\n')) {
    const [keyword, ...values] = line.trim().split(/\s+/);
    if (keyword === 'nameserver' && values[0] !== undefined) servers.push(values[0]);
    else if (keyword === 'search')
      searches = values.filter((domain) => domain !== '.').map((domain) => domain.replace(/\.$/, ''));
    else if (keyword === 'options')
      for (const option of values) options.set(option.split(':', 1)[0] ?? option, option);
  }
  return {servers, searches, options: [...options.values()]};
}

/** Without a resolv.conf, name resolution is switched off by pointing at a server that is not there. */
function hostDns(host: DnsConfig, {resolvConf, nodeIps}: DnsInput): DnsConfig {
  if (resolvConf !== undefined) return host;
  const servers = nodeIps.map((ip) => (ip.includes(':') ? '::1' : '127.0.0.1'));
  return {servers: servers.length === 0 ? ['127.0.0.1'] : servers, searches: ['.'], options: []};
}

function clusterSearches(host: readonly string[], {pod, clusterDomain}: DnsInput): readonly string[] {
  if (clusterDomain === '') return host;
  const services = `svc.${clusterDomain}`;
  return unique([`${pod.metadata.namespace}.${services}`, services, clusterDomain, ...host]);
}

function withPodConfig(config: DnsConfig, pod: Pod): DnsConfig {
  const own = pod.spec.dnsConfig;
  if (own === undefined) return config;
  const options = new Map(config.options.map((option) => [option.split(':', 1)[0] ?? option, option]));
  for (const {name = '', value} of own.options ?? []) options.set(name, value ? `${name}:${value}` : name);
  return {
    servers: unique([...config.servers, ...(own.nameservers ?? [])]),
    searches: unique([...config.searches, ...(own.searches ?? [])]),
    options: [...options.values()],
  };
}

/** What resolvers cannot cope with is left out, and said. */
function limit(config: DnsConfig): PodDns {
  const warnings: DnsWarning[] = [];
  const warn = (message: string): void => {
    warnings.push({reason: 'DNSConfigForming', message});
  };
  const servers = config.servers.slice(0, maxServers);
  if (servers.length < config.servers.length)
    warn(
      `Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is: ${servers.join(' ')}`,
    );
  // glibc 2.28 aborts on a search path of more than 255 characters.
  const searches = config.searches.slice(0, maxSearches).filter((domain) => domain.length <= maxSearchLength);
  while (searches.join(' ').length > maxSearchCharacters) searches.pop();
  if (searches.length < config.searches.length)
    warn(
      `Search Line limits were exceeded, some search paths have been omitted, the applied search line is: ${searches.join(' ')}`,
    );
  return {config: {servers, searches, options: config.options}, warnings};
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)];
}

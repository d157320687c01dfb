import type {Pod, PodSpec} from '../../../lib/kubernetes.ts';
import {PodConfigError} from './config-error.ts';

export type PodHostname = {readonly hostname: string /** '' without a subdomain. */; readonly domain: string};

const maxHostname = 63;
/** The kernel's HOST_NAME_MAX. */
const maxKernelHostname = 64;
const label = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
const managedHeader = '# Kubernetes-managed hosts file.\n';
const hostNetworkHeader = '# Kubernetes-managed hosts file (host network).\n';

/**
 * The pod's host name and DNS domain (GeneratePodHostNameAndDomain).
 * @throws PodConfigError for names that are none
 */
export function podHostname(pod: Pod, clusterDomain: string): PodHostname {
  const {metadata, spec} = pod;
  const override = hostnameOverride(spec);
  if (override !== undefined) return {hostname: truncated(override), domain: ''};
  if (spec.hostname && !label.test(spec.hostname))
    throw new PodConfigError(`pod Hostname "${spec.hostname}" is not a valid DNS label`);
  const hostname = truncated(spec.hostname || metadata.name);
  if (!spec.subdomain) return {hostname, domain: ''};
  if (!label.test(spec.subdomain))
    throw new PodConfigError(`pod Subdomain "${spec.subdomain}" is not a valid DNS label`);
  return {hostname, domain: `${spec.subdomain}.${metadata.namespace}.svc.${clusterDomain}`};
}

/** What `hostname` prints in the pod: the short name, or all of it with setHostnameAsFQDN. */
export function kernelHostname(pod: Pod, {hostname, domain}: PodHostname): string {
  if (pod.spec.setHostnameAsFQDN !== true || domain === '') return hostname;
  const full = `${hostname}.${domain}`;
  if (full.length > maxKernelHostname)
    throw new PodConfigError(
      `failed to construct FQDN from pod hostname and cluster domain, FQDN ${full} is too long (${maxKernelHostname} characters is the max, ${full.length} characters requested)`,
    );
  return full;
}

/** The content of a pod's /etc/hosts; `nodeHosts` is the node's own, for hostNetwork. */
export function hostsFile(
  pod: Pod,
  podIps: readonly string[],
  {hostname, domain}: PodHostname,
  nodeHosts: string,
): string {
  const aliases = aliasLines(pod);
  if (pod.spec.hostNetwork === true) return hostNetworkHeader + nodeHosts + aliases;
  const names = domain === '' ? hostname : `${hostname}.${domain}\t${hostname}`;
  return [
    managedHeader,
    '127.0.0.1\tlocalhost\n',
    '::1\tlocalhost ip6-localhost ip6-loopback\n',
    'fe00::0\tip6-localnet\n',
    'fe00::0\tip6-mcastprefix\n',
    'fe00::1\tip6-allnodes\n',
    'fe00::2\tip6-allrouters\n',
    ...podIps.map((ip) => `${ip}\t${names}\n`),
    aliases,
  ].join('');
}

function aliasLines(pod: Pod): string {
  const aliases = pod.spec.hostAliases ?? [];
  if (aliases.length === 0) return '';
  const lines = aliases.map(({ip, hostnames = []}) => `${ip}\t${hostnames.join('\t')}\n`);
  return `\n# Entries added by HostAliases.\n${lines.join('')}`;
}

function truncated(hostname: string): string {
  if (hostname.length <= maxHostname) return hostname;
  const short = hostname.slice(0, maxHostname).replace(/[-.]+$/, '');
  if (short === '') throw new PodConfigError(`hostname "${hostname}" is invalid`);
  return short;
}

function hostnameOverride(spec: PodSpec): string | undefined {
  const override = spec.hostnameOverride;
  if (override === undefined) return undefined;
  if (override.length <= 253 && override.split('.').every((part) => label.test(part))) return override;
  throw new PodConfigError(`pod HostnameOverride "${override}" is not a valid DNS subdomain`);
}

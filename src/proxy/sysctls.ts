import type {KubeProxyConfiguration} from '../config/proxy.ts';

export type Sysctl = {
  readonly key: string;
  readonly value: number;
  /** Only raised, never lowered: somebody may have had a reason. */
  readonly atLeast?: boolean;
};

/** As far as it grows with the cores, for memory's sake (pkg/proxy/conntrack/sysctls.go). */
const mostForCores = 1_048_576;

/** The kernel's settings that Services need; 0 in the configuration leaves one alone. */
export function wantedSysctls(
  conntrack: KubeProxyConfiguration['conntrack'],
  cpus: number,
  families: readonly ('IPv4' | 'IPv6')[],
): Sysctl[] {
  const {maxPerCore, min} = conntrack;
  const scaled = maxPerCore * cpus;
  const max = maxPerCore === 0 ? 0 : scaled > mostForCores ? mostForCores : Math.max(scaled, min);
  const seconds = (key: string, ms: number): Sysctl[] =>
    ms > 0 ? [{key: `net.netfilter.${key}`, value: Math.floor(ms / 1000)}] : [];
  return [
    ...(families.includes('IPv4') ? [{key: 'net.ipv4.ip_forward', value: 1}] : []),
    ...(families.includes('IPv6') ? [{key: 'net.ipv6.conf.all.forwarding', value: 1}] : []),
    ...(max > 0
      ? [
          {key: 'net.netfilter.nf_conntrack_max', value: max},
          {key: 'net.netfilter.nf_conntrack_buckets', value: Math.floor(max / 4), atLeast: true},
        ]
      : []),
    ...seconds('nf_conntrack_tcp_timeout_established', conntrack.tcpEstablishedTimeout),
    ...seconds('nf_conntrack_tcp_timeout_close_wait', conntrack.tcpCloseWaitTimeout),
    ...(conntrack.tcpBeLiberal ? [{key: 'net.netfilter.nf_conntrack_tcp_be_liberal', value: 1}] : []),
    ...seconds('nf_conntrack_udp_timeout', conntrack.udpTimeout),
    ...seconds('nf_conntrack_udp_timeout_stream', conntrack.udpStreamTimeout),
  ];
}

/** Whether a value that was read has to be written. */
export function needsWriting({value, atLeast}: Sysctl, current: string | undefined): boolean {
  if (current === undefined) return true;
  return atLeast === true ? Number(current) < value : Number(current) !== value;
}

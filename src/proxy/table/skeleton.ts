import type {Family} from '../../lib/addresses.ts';
import type {Protocol} from '../model/services.ts';
import {type ChainContext, endpointMap, type FrontendKind} from './chains.ts';
import {emptyFragment, type Fragment, memberOf} from './fragment.ts';
import {type Chain, type Container, ipWord} from './table.ts';

/** How this node's pods are recognised in one family. */
export type PodMatch =
  | {readonly by: 'cidr'; readonly cidr: string}
  | {readonly by: 'interface'; readonly name: string};

export type TableContext = {
  readonly family: Family;
  /** The table's name. */
  readonly name: string;
  readonly masqueradeMark: number;
  readonly masqueradeAll: boolean;
  readonly pods: PodMatch | undefined;
};

export type NodeContext = {
  /** Addresses that serve node ports; undefined for all of the node's but loopback. */
  readonly nodePortIPs: readonly string[] | undefined;
  /** Ranges that cluster IPs are taken from. */
  readonly serviceCIDRs: readonly string[];
};

export const protocols: readonly Protocol[] = ['tcp', 'udp', 'sctp'];
export const rejectChain = 'reject-new';

const hex = (mark: number) => `0x${mark.toString(16)}`;

export function chainContext({family, pods, masqueradeMark}: TableContext): ChainContext {
  const ip = ipWord(family);
  return {ip, fromPod: podMatch(ip, pods, ''), mark: `meta mark set meta mark or ${hex(masqueradeMark)}`};
}

/** A name ending in `*` matches every interface that begins so. */
function podMatch(ip: string, pods: PodMatch | undefined, not: '' | '!= '): string | undefined {
  if (pods === undefined) return undefined;
  return pods.by === 'cidr' ? `${ip} saddr ${not}${pods.cidr}` : `iifname ${not}"${pods.name}"`;
}

/** What the table holds before any Service: hooks, dispatch, and empty maps. */
export function skeleton(context: TableContext, node: NodeContext): Fragment {
  return {
    ...emptyFragment,
    containers: containers(context.family, node),
    chains: [...regularChains(context, node), ...baseChains()],
    members: (node.nodePortIPs ?? []).map((key) => memberOf('nodeport-ips', key)),
  };
}

function containers(family: Family, {nodePortIPs}: NodeContext): Container[] {
  const address = family === 'IPv4' ? 'ipv4_addr' : 'ipv6_addr';
  const make = (kind: Container['kind'], name: string, type: string): Container => {
    return {kind, name, declaration: [type]};
  };
  const frontend = `type ${address} . inet_proto . inet_service : verdict`;
  const nodePort = 'type inet_proto . inet_service : verdict';
  return [
    make('set', 'cluster-ips', `type ${address}`),
    make('set', 'hairpin', `type ${address} . ${address} . inet_proto . inet_service`),
    ...(nodePortIPs === undefined ? [] : [make('set', 'nodeport-ips', `type ${address}`)]),
    make('map', 'services', frontend),
    make('map', 'nodeports', nodePort),
    make('map', 'no-endpoints', frontend),
    make('map', 'no-endpoint-nodeports', nodePort),
    make('map', 'firewall', frontend),
    ...protocols.flatMap((protocol) => endpointMaps(family, protocol)),
  ];
}

/** The index has no type name of its own: `typeof` takes it from an expression (nft 1.0.6 prints `integer`). */
function endpointMaps(family: Family, protocol: Protocol): Container[] {
  const ip = ipWord(family);
  const key: Readonly<Record<FrontendKind, string>> = {
    service: `${ip} daddr . ${protocol} dport`,
    nodeport: `${protocol} dport`,
  };
  return (['service', 'nodeport'] as const).flatMap((kind) =>
    (['cluster', 'local'] as const).map((policy) => ({
      kind: 'map' as const,
      name: endpointMap(kind, policy, protocol),
      declaration: [`typeof ${key[kind]} . numgen inc mod 2 : ${ip} daddr . ${protocol} dport`],
    })),
  );
}

function regularChains(context: TableContext, node: NodeContext): Chain[] {
  const {ip, mark} = chainContext(context);
  const frontend = `${ip} daddr . meta l4proto . th dport`;
  const toNode = nodePortMatch(context.family, node);
  return [
    {
      // A reset reaches a client that an ICMP error does not: the kernel drops one that arrives while the socket is
      // still sending, as it does over veth, and a pod would learn of it a second later.
      name: rejectChain,
      rules: ['meta l4proto tcp reject with tcp reset', 'reject'],
    },
    {name: 'check-firewall', rules: [`${frontend} vmap @firewall`]},
    {name: 'check-endpoints', rules: [`${frontend} vmap @no-endpoints`]},
    {
      name: 'check-nodeport-endpoints',
      rules: [`${toNode.filter} meta l4proto . th dport vmap @no-endpoint-nodeports`],
    },
    {
      // What no rule took: a port that the Service does not have, or an address that no Service has.
      name: 'check-cluster-ips',
      rules: [
        `${ip} daddr @cluster-ips goto ${rejectChain}`,
        ...node.serviceCIDRs.map((cidr) => `${ip} daddr ${cidr} drop`),
      ],
    },
    {
      name: 'dispatch',
      rules: [
        ...clusterIPMasquerade(context, mark),
        `${frontend} vmap @services`,
        `${toNode.nat} meta l4proto . th dport vmap @nodeports`,
      ],
    },
    {name: 'masquerading', rules: masqueradeRules(context, ip)},
  ];
}

/** Packets for node ports; loopback never serves them, as in kube-proxy's nftables mode. */
function nodePortMatch(family: Family, {nodePortIPs}: NodeContext): {nat: string; filter: string} {
  const ip = ipWord(family);
  if (nodePortIPs !== undefined)
    return {nat: `${ip} daddr @nodeport-ips`, filter: `${ip} daddr @nodeport-ips`};
  const notLoopback = family === 'IPv4' ? 'ip daddr != 127.0.0.0/8' : 'ip6 daddr != ::1';
  return {nat: `fib daddr type local ${notLoopback}`, filter: notLoopback};
}

/** Somebody outside may route the service range to any node; the answer must come back through that node. */
function clusterIPMasquerade({family, pods, masqueradeAll}: TableContext, mark: string): string[] {
  const ip = ipWord(family);
  if (masqueradeAll) return [`${ip} daddr @cluster-ips ${mark}`];
  const notPod = podMatch(ip, pods, '!= ');
  return notPod === undefined ? [] : [`${ip} daddr @cluster-ips ${notPod} ${mark}`];
}

function masqueradeRules({masqueradeMark}: TableContext, ip: string): string[] {
  const mark = hex(masqueradeMark);
  return [
    `meta mark and ${mark} != 0 meta mark set meta mark xor ${mark} masquerade fully-random`,
    // An endpoint that reaches itself through its own Service would see its own address as the sender.
    `ct status dnat ${ip} saddr . ${ip} daddr . meta l4proto . th dport @hairpin masquerade fully-random`,
  ];
}

/**
 * A packet that is under way while a transaction commits may miss: a base chain sees the rules as they were when the
 * packet came to it, but each lookup the elements of its own moment (net/netfilter/nf_tables_core.c, nft_genmask_cur),
 * so a count of three can meet a map of two, or an element that names a chain which is still empty for this packet.
 * NAT asks every base chain in turn until one has translated (net/netfilter/nf_nat_core.c), and each begins with the
 * rules of that moment: what missed once is dispatched again by a second pair, and never reaches a reject.
 *
 * Reject is possible in input, forward and output only (kernels before 5.9), so that is where it is checked.
 */
function baseChains(): Chain[] {
  const base = (name: string, hook: string, rules: readonly string[]): Chain => ({name, hook, rules});
  const endpoints = 'ct state new jump check-endpoints';
  const clusterIPs = 'ct state new jump check-cluster-ips';
  const firewall = ['ct state new jump check-firewall'];
  return [
    base('filter-prerouting', 'type filter hook prerouting priority -110', firewall),
    base('filter-output-before-nat', 'type filter hook output priority -110', firewall),
    base('filter-input', 'type filter hook input priority 0', [
      'ct state new jump check-nodeport-endpoints',
      endpoints,
    ]),
    base('filter-forward', 'type filter hook forward priority 0', [endpoints, clusterIPs]),
    base('filter-output', 'type filter hook output priority 0', [endpoints, clusterIPs]),
    base('nat-prerouting', 'type nat hook prerouting priority -100', ['jump dispatch']),
    base('nat-output', 'type nat hook output priority -100', ['jump dispatch']),
    base('nat-prerouting-again', 'type nat hook prerouting priority -99', ['jump dispatch']),
    base('nat-output-again', 'type nat hook output priority -99', ['jump dispatch']),
    base('nat-postrouting', 'type nat hook postrouting priority 100', ['jump masquerading']),
  ];
}

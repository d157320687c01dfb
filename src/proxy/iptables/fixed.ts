import type {Family} from '../../lib/addresses.ts';
import type {NodeContext, PodMatch} from '../table/skeleton.ts';
import {
  canary,
  forward,
  kubeletFirewall,
  loopback,
  markMasquerade,
  owner,
  postrouting,
  type TableName,
} from './names.ts';
import {comment} from './rules.ts';
import type {LocalTraffic} from './service-chains.ts';

export type FixedContext = {
  readonly family: Family;
  readonly masqueradeMark: number;
  /** iptables 1.6.2 and later know --random-fully. */
  readonly randomFully: boolean;
  /** Node ports answer on loopback addresses too; IPv4 only, and only where nodePortAddresses has some of these. */
  readonly localhostNodePorts: boolean;
  /** nf_conntrack_tcp_be_liberal is set: nothing that a connection needs is INVALID then. */
  readonly liberalConntrack: boolean;
};

/** A chain that does not depend on any Service. */
export type FixedChain = {
  readonly table: TableName;
  readonly name: string;
  readonly rules: readonly string[];
};

/** From one of the kernel's chains to one of ours. */
export type Jump = {
  readonly table: TableName;
  readonly from: string;
  readonly to: string;
  /** `-m conntrack --ctstate NEW` or ''. */
  readonly match: string;
  readonly why: string;
};

export const ownerRule = comment('rules of nodectl proxy');

/** A name ending in `*` matches every interface that begins so; iptables writes that with a plus. */
export function localTraffic(pods: PodMatch | undefined): LocalTraffic | undefined {
  if (pods === undefined) return undefined;
  const match = pods.by === 'cidr' ? `-s ${pods.cidr}` : `-i ${pods.name.replace(/\*$/, '+')}`;
  return {is: match, isNot: `! ${match}`};
}

export function fixedChains(context: FixedContext): FixedChain[] {
  const {family, masqueradeMark, randomFully, localhostNodePorts, liberalConntrack} = context;
  const mark = `0x${masqueradeMark.toString(16).padStart(8, '0')}`;
  const martians = family === 'IPv4' && localhostNodePorts ? [martianRule] : [];
  const invalid = liberalConntrack ? [] : ['-m conntrack --ctstate INVALID -j DROP'];
  return [
    {table: 'mangle', name: canary, rules: []},
    {table: 'filter', name: canary, rules: []},
    {table: 'filter', name: owner, rules: [ownerRule]},
    {table: 'filter', name: kubeletFirewall, rules: martians},
    {
      table: 'filter',
      name: forward,
      rules: [
        ...invalid,
        `${comment('kubernetes forwarding rules')} -m mark --mark ${mark}/${mark} -j ACCEPT`,
        `${comment('kubernetes forwarding conntrack rule')} -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT`,
      ],
    },
    {table: 'nat', name: canary, rules: []},
    {table: 'nat', name: owner, rules: [ownerRule]},
    {table: 'nat', name: loopback, rules: localhostNodePorts ? loopbackRules : []},
    {table: 'nat', name: markMasquerade, rules: [`-j MARK --or-mark ${mark}`]},
    {
      table: 'nat',
      name: postrouting,
      rules: [
        `-m mark ! --mark ${mark}/${mark} -j RETURN`,
        // A packet that comes round again must not be masqueraded again.
        `-j MARK --xor-mark ${mark}`,
        `${comment('kubernetes service traffic requiring SNAT')} -j MASQUERADE${randomFully ? ' --random-fully' : ''}`,
      ],
    },
  ];
}

/** route_localnet, which node ports on loopback need, would let neighbours reach what listens on loopback. */
const martianRule = `${comment('block incoming localnet connections')} -d 127.0.0.0/8 ! -s 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP`;

/** A node port that takes a connection leaves nothing for the last one: the first one's packets less its are those taken. */
const loopbackRules: readonly string[] = [
  comment('connections to loopback addresses'),
  '-j KUBE-NODEPORTS',
  comment('those that no node port took'),
];

/** The last rules of KUBE-SERVICES: what is for this node itself may be for a node port. */
export function nodePortRules(
  {family, localhostNodePorts}: FixedContext,
  {nodePortIPs}: NodeContext,
): string[] {
  const why = comment('kubernetes service nodeports; NOTE: this must be the last rule in this chain');
  const six = family === 'IPv6';
  if (nodePortIPs === undefined) {
    const local = `${why} -m addrtype --dst-type LOCAL`;
    const own = localhostNodePorts ? [`${local} -d 127.0.0.0/8 -j ${loopback}`] : [];
    return [...own, `${local} ! -d ${six ? '::1/128' : '127.0.0.0/8'} -j KUBE-NODEPORTS`];
  }
  const own = localhostNodePorts ? [`${why} -d 127.0.0.1 -j ${loopback}`] : [];
  return [...nodePortIPs.map((address) => `${why} -d ${address} -j KUBE-NODEPORTS`), ...own];
}

const isNew = '-m conntrack --ctstate NEW';
const portals = 'kubernetes service portals';
const external = 'kubernetes externally-visible service portals';
const firewall = 'kubernetes load balancer firewall';

/** In the order in which they are put before whatever the chain holds: the last one comes first. */
export const jumps: readonly Jump[] = [
  {table: 'filter', from: 'INPUT', to: 'KUBE-EXTERNAL-SERVICES', match: isNew, why: external},
  {table: 'filter', from: 'FORWARD', to: 'KUBE-EXTERNAL-SERVICES', match: isNew, why: external},
  {
    table: 'filter',
    from: 'INPUT',
    to: 'KUBE-NODEPORTS',
    match: '',
    why: 'kubernetes health check service ports',
  },
  {table: 'filter', from: 'FORWARD', to: 'KUBE-SERVICES', match: isNew, why: portals},
  {table: 'filter', from: 'OUTPUT', to: 'KUBE-SERVICES', match: isNew, why: portals},
  {table: 'filter', from: 'FORWARD', to: forward, match: '', why: 'kubernetes forwarding rules'},
  {table: 'filter', from: 'INPUT', to: 'KUBE-PROXY-FIREWALL', match: isNew, why: firewall},
  {table: 'filter', from: 'OUTPUT', to: 'KUBE-PROXY-FIREWALL', match: isNew, why: firewall},
  {table: 'filter', from: 'FORWARD', to: 'KUBE-PROXY-FIREWALL', match: isNew, why: firewall},
  {table: 'filter', from: 'INPUT', to: kubeletFirewall, match: '', why: ''},
  {table: 'filter', from: 'OUTPUT', to: kubeletFirewall, match: '', why: ''},
  {table: 'nat', from: 'OUTPUT', to: 'KUBE-SERVICES', match: '', why: portals},
  {table: 'nat', from: 'PREROUTING', to: 'KUBE-SERVICES', match: '', why: portals},
  {table: 'nat', from: 'POSTROUTING', to: postrouting, match: '', why: 'kubernetes postrouting rules'},
];

export function jumpRule({match, why, to}: Jump): string {
  return [match, why === '' ? '' : comment(why), `-j ${to}`].filter((part) => part !== '').join(' ');
}

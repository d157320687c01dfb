import type {Family} from '../../lib/addresses.ts';

/**
 * What a kubelet keeps in iptables for others (pkg/kubelet/kubelet_network_linux.go): a chain by which programs in
 * containers see whether this host's iptables is the legacy or the nft kind, and the rule that keeps neighbours from
 * what listens on loopback where node ports are served there (route_localnet).
 */
const hint = 'KUBE-IPTABLES-HINT';
const firewall = 'KUBE-FIREWALL';
/** Its absence tells that somebody flushed the tables; its presence, that a kubelet looks after them. */
const canary = 'KUBE-KUBELET-CANARY';

const martians = 'block incoming localnet connections';
const dropMartians = `-A ${firewall} -d 127.0.0.0/8 ! -s 127.0.0.0/8 -m comment --comment "${martians}" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP`;

/** What iptables-save prints of these tables; the filter table of IPv6 has nothing of ours but the canary. */
export type SeenTables = {readonly family: Family; readonly mangle: string; readonly filter: string};

/**
 * The input for iptables-restore that puts in what is missing; empty when nothing is. What others have in the chains
 * stays: a chain is declared, which empties it, only while it is not there.
 */
export function missingChains({family, mangle, filter}: SeenTables): readonly string[] {
  const flushed = !hasChain(mangle, canary);
  return [
    ...section('mangle', [...declared(mangle, hint), ...declared(mangle, canary)]),
    // The canaries are empty: to declare one again, where only another table was flushed, does nothing.
    ...section('nat', flushed ? [declaration(canary)] : []),
    ...section('filter', [
      ...(flushed ? [declaration(canary)] : []),
      // Over IPv6 nothing comes from outside to loopback (::1 is not routed, whatever is set).
      ...(family === 'IPv4' ? missingFirewall(filter) : []),
    ]),
  ];
}

/** kube-proxy keeps a copy of the rule, maybe in other words: its comment tells it. */
function missingFirewall(filter: string): string[] {
  const lines = filter.split('\n');
  const jump = (chain: string) =>
    lines.includes(`-A ${chain} -j ${firewall}`) ? [] : [`-I ${chain} -j ${firewall}`];
  const drops = lines.some(
    (line) => line.startsWith(`-A ${firewall} `) && line.includes(martians) && line.endsWith('-j DROP'),
  );
  return [
    ...declared(filter, firewall),
    ...(drops ? [] : [dropMartians]),
    ...['OUTPUT', 'INPUT'].flatMap(jump),
  ];
}

function declared(saved: string, chain: string): string[] {
  return hasChain(saved, chain) ? [] : [declaration(chain)];
}

function declaration(chain: string): string {
  return `:${chain} - [0:0]`;
}

function hasChain(saved: string, chain: string): boolean {
  return saved.split('\n').some((line) => line.startsWith(`:${chain} `));
}

function section(table: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`*${table}`, ...lines, 'COMMIT'];
}

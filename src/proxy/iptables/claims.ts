import type {Place} from './names.ts';
import type {OnePort} from './one-port.ts';
import {comment, matchAddress, matchPort} from './rules.ts';

/** One rule of a chain that all Services share. */
export type Entry = {readonly place: Place; readonly rule: string};

/** One address with protocol and port, or one node port, and the rules that catch packets for it. */
export type Claim = {
  readonly owner: string;
  readonly key: string;
  /** Where two Services claim one address the lower rank wins: nobody takes a ClusterIP over with an externalIP. */
  readonly rank: number;
  readonly entries: readonly Entry[];
};

/** What one port claims; `healthPort` is the Service's health check node port or 0. */
export function claimsOf(one: OnePort, healthPort: number): Claim[] {
  const {service, port, names, isFirewalled} = one;
  const claim = (rank: number, key: string, entries: readonly Entry[]): Claim => {
    return {owner: service.key, key, rank, entries};
  };
  const virtual = (address: string) => `${address} ${port.protocol} ${port.port}`;
  const nodePort = `${port.protocol} ${port.nodePort}`;
  const balanced = isFirewalled ? names.firewall : names.external;
  return [
    claim(0, virtual(service.clusterIP), [clusterEntry(one)]),
    ...(port.nodePort === 0 ? [] : [claim(0, nodePort, nodePortEntries(one))]),
    ...service.loadBalancerIPs.map((ip) =>
      claim(1, virtual(ip), [
        ...externalEntries(one, ip, 'loadbalancer IP', balanced),
        ...(isFirewalled ? [firewallEntry(one, ip)] : []),
      ]),
    ),
    ...service.externalIPs.map((ip) =>
      claim(2, virtual(ip), externalEntries(one, ip, 'external IP', names.external)),
    ),
    ...(healthPort === 0 ? [] : [claim(0, `health ${healthPort}`, [healthEntry(one, healthPort)])]),
  ];
}

function clusterEntry(one: OnePort): Entry {
  const {service, port, text, hasInternal, internalChain} = one;
  const match = matchAddress(port.protocol, service.clusterIP, port.port);
  return hasInternal
    ? {place: 'nat KUBE-SERVICES', rule: `${comment(`${text} cluster IP`)} ${match} -j ${internalChain}`}
    : {place: 'filter KUBE-SERVICES', rule: refusal(one, match)};
}

/** Some packets for an address without local endpoints are served (the short circuit), the others are refused. */
function externalEntries(one: OnePort, address: string, what: string, target: string): Entry[] {
  const {port, text, usable, hasExternal} = one;
  const match = matchAddress(port.protocol, address, port.port);
  const served: Entry = {
    place: 'nat KUBE-SERVICES',
    rule: `${comment(`${text} ${what}`)} ${match} -j ${target}`,
  };
  const refused: Entry = {place: 'filter KUBE-EXTERNAL-SERVICES', rule: refusal(one, match)};
  return [...(usable.any ? [served] : []), ...(hasExternal ? [] : [refused])];
}

function nodePortEntries(one: OnePort): Entry[] {
  const {port, text, names, usable, hasExternal} = one;
  const match = matchPort(port.protocol, port.nodePort);
  const served: Entry = {place: 'nat KUBE-NODEPORTS', rule: `${comment(text)} ${match} -j ${names.external}`};
  const refused: Entry = {
    place: 'filter KUBE-EXTERNAL-SERVICES',
    rule: refusal(one, `-m addrtype --dst-type LOCAL ${match}`),
  };
  return [...(usable.any ? [served] : []), ...(hasExternal ? [] : [refused])];
}

/** Whatever the firewall chain let fall through has kept its destination. */
function firewallEntry({port, text, names}: OnePort, address: string): Entry {
  const why = comment(`${text} traffic not accepted by ${names.firewall}`);
  const match = matchAddress(port.protocol, address, port.port);
  return {place: 'filter KUBE-PROXY-FIREWALL', rule: `${why} ${match} -j DROP`};
}

/** A node whose INPUT drops what it does not know must still answer the load balancer. */
function healthEntry({text}: OnePort, port: number): Entry {
  const why = comment(`${text} health check node port`);
  return {place: 'filter KUBE-NODEPORTS', rule: `${why} ${matchPort('tcp', port)} -j ACCEPT`};
}

/** No endpoint anywhere: REJECT. None here, though the policy wants one: DROP, as another node may have one. */
function refusal({text, usable}: OnePort, match: string): string {
  const [what, target] = usable.any ? ['no local endpoints', 'DROP'] : ['no endpoints', 'REJECT'];
  return `${comment(`${text} has ${what}`)} ${match} -j ${target}`;
}

import {type Address, cidrContains} from '../../lib/addresses.ts';
import {isExternallyAccessible} from '../model/topology.ts';
import {markMasquerade} from './names.ts';
import type {OnePort} from './one-port.ts';
import {comment, endpointRules, matchAddress} from './rules.ts';

/** How this node's pods are matched. */
export type LocalTraffic = {readonly is: string; readonly isNot: string};

export type ChainsContext = {
  readonly masqueradeAll: boolean;
  /** Undefined when they cannot be told. */
  readonly pods: LocalTraffic | undefined;
  /** The node's own address in this family: sources that may use a load balancer include it or not. */
  readonly nodeIP: Address | undefined;
};

/** The chains of one port, all in the nat table. */
export function chainsOf(one: OnePort, context: ChainsContext): Map<string, readonly string[]> {
  const {service, port, usable, text, names} = one;
  const chains = new Map<string, readonly string[]>();
  if (!usable.any) return chains;
  const made = endpointRules({
    text,
    protocol: port.protocol,
    names,
    usable,
    affinitySeconds: service.affinitySeconds,
  });
  const policy = (chain: string, rules: readonly string[]): void => {
    if (rules.length === 0) return;
    chains.set(chain, chain === one.internalChain ? [...clusterMasquerade(one, context), ...rules] : rules);
  };
  if (isExternallyAccessible(service, port)) chains.set(names.external, externalRules(one, context));
  if (one.isFirewalled) chains.set(names.firewall, firewallRules(one, context));
  policy(names.cluster, made.cluster);
  policy(names.local, made.local);
  for (const [chain, rules] of made.endpoints) chains.set(chain, rules);
  return chains;
}

/** Somebody outside may route the service range to any node; the answer must come back through that node. */
function clusterMasquerade({service, port, text}: OnePort, {masqueradeAll, pods}: ChainsContext): string[] {
  const match = `${comment(`${text} cluster IP`)} ${matchAddress(port.protocol, service.clusterIP, port.port)}`;
  if (masqueradeAll) return [`${match} -j ${markMasquerade}`];
  return pods === undefined ? [] : [`${match} ${pods.isNot} -j ${markMasquerade}`];
}

/**
 * externalTrafficPolicy Local: this node's pods and the host itself reach any endpoint, as if their packets had gone
 * out to a load balancer and come back; packets from outside only reach local endpoints, their source unchanged.
 */
function externalRules({service, text, names, hasExternal}: OnePort, {pods}: ChainsContext): string[] {
  const about = (what: string) => comment(`${what} for ${text} external destinations`);
  if (!service.externalLocal)
    return [`${about('masquerade traffic')} -j ${markMasquerade}`, `-j ${names.cluster}`];
  return [
    ...(pods === undefined ? [] : [`${about('pod traffic')} ${pods.is} -j ${names.cluster}`]),
    `${about('masquerade LOCAL traffic')} -m addrtype --src-type LOCAL -j ${markMasquerade}`,
    `${about('route LOCAL traffic')} -m addrtype --src-type LOCAL -j ${names.cluster}`,
    ...(hasExternal ? [`-j ${names.local}`] : []),
  ];
}

/**
 * Sources of a load balancer. Where the node itself is allowed, so are the balancer's addresses: they are often local
 * to the node and then become the source of what the node sends to them.
 */
function firewallRules({service, text, names}: OnePort, {nodeIP}: ChainsContext): string[] {
  const {sourceRanges, loadBalancerIPs} = service;
  const fromNode = nodeIP !== undefined && sourceRanges.some((cidr) => cidrContains(cidr, nodeIP));
  const sources = [...sourceRanges.map((cidr) => cidr.text), ...(fromNode ? loadBalancerIPs : [])];
  const why = comment(`${text} loadbalancer IP`);
  return [
    ...[...new Set(sources)].map((source) => `${why} -s ${source} -j ${names.external}`),
    comment(`other traffic to ${text} will be dropped by KUBE-PROXY-FIREWALL`),
  ];
}

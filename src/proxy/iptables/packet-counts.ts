import type {IptablesOptions} from '../../edges/nftables/iptables.ts';
import {type CountedRule, countedRules} from '../../edges/nftables/iptables-counts.ts';
import {forward, loopback} from './names.ts';

/**
 * Packets that were dropped because conntrack calls them INVALID. kube-proxy has them counted by nfacct, which only a
 * program that speaks netlink sets up; every rule counts by itself, until it is written again.
 */
export function droppedAsInvalid(counted: readonly CountedRule[]): number {
  return counted.filter(({rule}) => rule.includes('INVALID')).reduce((sum, {packets}) => sum + packets, 0);
}

/** New connections to loopback addresses that a node port has taken: they do not come to the last rule. */
export function acceptedOnLoopback(counted: readonly CountedRule[]): number {
  return (counted[0]?.packets ?? 0) - (counted.at(-1)?.packets ?? 0);
}

/** @throws NodectlError ND714 */
export async function readDroppedAsInvalid(iptables: IptablesOptions): Promise<number> {
  return droppedAsInvalid(await countedRules(iptables, 'filter', forward));
}

/** @throws NodectlError ND714 */
export async function readAcceptedOnLoopback(iptables: IptablesOptions): Promise<number> {
  return acceptedOnLoopback(await countedRules(iptables, 'nat', loopback));
}

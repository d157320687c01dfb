import {kubeProxyChain} from '../../config/foreign-proxy.ts';
import type {NftSight} from '../../edges/nft-sight.ts';
import {type Finding, warning} from '../check.ts';
import {nodeCheck} from '../node/context.ts';

export const foreignRules = nodeCheck({
  name: 'ForeignRules',
  category: 'proxy',
  codes: ['ND738'],
  looks: 'lists the tables and chains of nftables',
  after: ['Joined'],
  observe: async ({sight, proxied}) => (proxied ? sight.nft() : undefined),
  judge: (seen) => (seen === undefined ? [] : judgeForeign(seen)),
});

/** kube-proxy's nftables mode has a table of its own; its iptables mode jumps through KUBE-SERVICES. */
export function judgeForeign({tables, chains}: NftSight): readonly Finding[] {
  const table = tables.find((name) => name.endsWith(' kube-proxy'));
  const chain = kubeProxyChain(chains);
  const seen = table ?? chain;
  if (seen === undefined) return [];
  const remove =
    table === undefined
      ? 'kube-proxy --cleanup, once it no longer runs here'
      : `sudo nft delete table ${table}`;
  return [warning('ND738', `rules of kube-proxy are here too: ${seen}`, remove)];
}

import {kubeProxyChain} from '../../config/foreign-proxy.ts';
import type {NftSight} from '../../edges/nftables/nft-sight.ts';
import {type Finding, warning} from '../check.ts';
import {nodeCheck} from '../node/context.ts';

export const foreignRules = nodeCheck({
  name: 'ForeignRules',
  category: 'proxy',
  codes: ['ND738'],
  looks: 'lists the tables and chains of nftables',
  after: ['Joined'],
  async observe({sight, proxied}) {
    if (!proxied) return undefined;
    const [nft, legacy] = await Promise.all([sight.nft(), sight.legacyRules()]);
    return {nft, legacy};
  },
  judge: (seen) => (seen === undefined ? [] : judgeForeign(seen.nft, seen.legacy)),
});

/** `nat -N KUBE-SERVICES` of iptables-legacy, as nft would name the chain. */
export function legacyChains(legacy: readonly string[]): string[] {
  return legacy.flatMap((rule) => {
    const [, table, chain] = /^(\w+) -N (\S+)$/.exec(rule) ?? [];
    return table === undefined ? [] : [`ip ${table} ${chain}`];
  });
}

/** kube-proxy's nftables mode has a table of its own; its iptables mode jumps through KUBE-SERVICES. */
export function judgeForeign({tables, chains}: NftSight, legacy: readonly string[] = []): readonly Finding[] {
  const table = tables.find((name) => name.endsWith(' kube-proxy'));
  const chain = kubeProxyChain([...chains, ...legacyChains(legacy)]);
  const seen = table ?? chain;
  if (seen === undefined) return [];
  const remove =
    table === undefined
      ? 'kube-proxy --cleanup, once it no longer runs here'
      : `sudo nft delete table ${table}`;
  return [warning('ND738', `rules of kube-proxy are here too: ${seen}`, remove)];
}

import type {NftSight} from '../../edges/nftables/nft-sight.ts';
import {type Finding, warning} from '../check.ts';
import {nodeCheck} from '../node/context.ts';

export const mixedRules = nodeCheck({
  name: 'MixedRules',
  category: 'proxy',
  codes: ['ND746'],
  looks: 'counts the rules of iptables-legacy and of iptables-nft',
  after: ['Joined'],
  async observe({sight}) {
    const [nft, legacy] = await Promise.all([sight.nft(), sight.legacyRules()]);
    return {nft, legacy};
  },
  judge: ({nft, legacy}) => judgeMixed(nft, legacy),
});

/** iptables-nft keeps its rules in tables with iptables' names. A policy alone is not a rule. */
export function judgeMixed(nft: NftSight, legacy: readonly string[]): readonly Finding[] {
  const old = legacy.filter((rule) => rule.includes(' -A ')).length;
  const young = nft.all
    .filter(({table}) => /^ip6? (nat|filter|mangle|raw)$/.test(table))
    .reduce((sum, {rules}) => sum + rules.length, 0);
  if (old === 0 || young === 0) return [];
  return [
    warning(
      'ND746',
      `iptables rules of both kinds: ${old} legacy, ${young} nft`,
      'iptables-legacy-save shows the legacy ones',
    ),
  ];
}

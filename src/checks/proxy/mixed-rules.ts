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
  const old = legacy.filter((rule) => rule.includes(' -A ') && !ofKubelet(rule)).length;
  const young = nft.all
    .filter(({table}) => /^ip6? (nat|filter|mangle|raw)$/.test(table))
    .filter(({name}) => !ofKubelet(name))
    .reduce((sum, {rules}) => sum + rules.filter((rule) => !ofKubelet(rule)).length, 0);
  if (old === 0 || young === 0) return [];
  return [
    warning(
      'ND746',
      `iptables rules of both kinds: ${old} legacy, ${young} nft`,
      'iptables-legacy-save shows the legacy ones',
    ),
  ];
}

/** A kubelet keeps its one in the kind that the host's own iptables writes, whatever add-ons use. */
function ofKubelet(words: string): boolean {
  return /\bKUBE-FIREWALL\b/.test(words);
}

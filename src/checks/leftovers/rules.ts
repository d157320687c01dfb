import {legacyRules, lookAtNft, type NftSight} from '../../edges/nftables/nft-sight.ts';
import {check, type Finding, warning} from '../check.ts';

/** Rules outlive the daemons that wrote them: those of an earlier node still catch packets of the next one. */
export const oldRules = check({
  name: 'LeftoverRules',
  category: 'leftovers',
  codes: ['ND607'],
  looks: 'reads the packet filter for chains of kubelets, service proxies and CNI plugins',
  after: ['IsPrivilegedUser'],
  async observe({joined}, signal) {
    if (joined) return {nft: noRules, legacy: []};
    const [nft, legacy] = await Promise.all([
      // Without nft nothing can be read, and the join brings it.
      lookAtNft(signal).catch(() => noRules),
      legacyRules(signal),
    ]);
    return {nft, legacy};
  },
  judge: ({nft, legacy}, {options}) => (options.ownLayout ? [] : judgeOldRules(nft, legacy)),
});

const noRules: NftSight = {tables: [], chains: [], all: []};

export function judgeOldRules(nft: NftSight, legacy: readonly string[]): readonly Finding[] {
  const chains = nft.all
    .filter(({name}) => /^(KUBE-|CNI-|cali-|FLANNEL-)/.test(name) && !/HINT|CANARY/.test(name))
    .map(({table, name}) => `${table} ${name}`);
  const tables = nft.tables.filter((table) => / (kube-proxy|nodectl-proxy(-other)?)$/.test(table));
  const old = legacy.filter((rule) => /KUBE-|CNI-|cali-/.test(rule));
  const [first] = [...tables, ...chains, ...old];
  if (first === undefined) return [];
  const count = tables.length + chains.length + old.length;
  return [
    warning(
      'ND607',
      `rules of an earlier node are in the kernel: ${first}${count > 1 ? `, and ${count - 1} more` : ''}`,
    ),
  ];
}

import type {NftChain, NftSight} from '../../edges/nftables/nft-sight.ts';

/** A base chain that ends whatever none of its rules, or of those it jumps to, has let through. */
export function endsAll({policy, rules}: NftChain): boolean {
  return policy === 'drop' || rules.some(isEnd);
}

/** A rule without any condition: `drop`, `counter packets 3 bytes 9 reject with icmpx admin-prohibited`. */
function isEnd(text: string): boolean {
  return /^(counter packets \d+ bytes \d+ )?(drop|reject)\b/.test(text);
}

/** Links that lead to pods and containers of this machine: what comes by them is no answer for what comes from outside. */
const inner = /^iif(name)? "?(lo|cni|docker|veth|cali|cilium|flannel|weave|lxc|br-)/;

/**
 * The rules that a packet can meet before a chain ends it, through jumps too. Jumps for inner links only are followed
 * where `inside` says so.
 */
export function rulesMet(nft: NftSight, chain: NftChain, inside: boolean): readonly string[] {
  const at = chain.rules.findIndex(isEnd);
  const met: string[] = [];
  const been = new Set<string>();
  const walk = (rules: readonly string[]) => {
    for (const text of rules) {
      met.push(text);
      const name = /\b(?:jump|goto) (\S+)/.exec(text)?.[1];
      if (name === undefined || been.has(name) || (!inside && inner.test(text))) continue;
      been.add(name);
      walk(nft.all.find((other) => other.table === chain.table && other.name === name)?.rules ?? []);
    }
  };
  walk(at < 0 ? chain.rules : chain.rules.slice(0, at));
  return met;
}

/** Whose rules these are, where their names tell. */
export function ownerOf(nft: NftSight, {table, rules}: NftChain): 'firewalld' | 'ufw' | undefined {
  if (table.endsWith(' firewalld')) return 'firewalld';
  const ufw = rules.some((text) => /\b(jump|goto) ufw6?-/.test(text));
  return ufw && nft.tables.includes(table) ? 'ufw' : undefined;
}

import {openIptables} from '../nftables/iptables.ts';
import {savedRules} from '../nftables/packet-filters.ts';

/** A table of iptables-legacy: the kernel keeps it apart from nftables', under the same names. */
export type LegacyTable = {readonly family: 'ip' | 'ip6'; readonly table: string};

const families = {ip: 'IPv4', ip6: 'IPv6'} as const;

/** `legacy ip filter`; undefined for what is a table of nftables. */
export function legacyTable(target: string): LegacyTable | undefined {
  const [, family, table = ''] = /^legacy (ip6?) (\w+)$/.exec(target) ?? [];
  return family === 'ip' || family === 'ip6' ? {family, table} : undefined;
}

/** Whether it has chains whose names begin so; makes no table by asking. */
export async function hasLegacyChains({family, table}: LegacyTable, prefixes: RegExp): Promise<boolean> {
  return chainRemoval(await savedRules(families[family], 'legacy'), table, prefixes).length > 0;
}

/** Takes such chains away, and the rules that lead to them, at once. @throws NodectlError ND714 */
export async function removeLegacyChains({family, table}: LegacyTable, prefixes: RegExp): Promise<void> {
  const input = chainRemoval(await savedRules(families[family], 'legacy'), table, prefixes);
  if (input.length > 0) await openIptables({family: families[family], backend: 'legacy'}).restore(input);
}

/**
 * The input for iptables-restore --noflush that takes chains out of a table as iptables-save printed it: declared again
 * they are empty, then nobody's rule leads to them, then they can go.
 */
export function chainRemoval(saved: string, table: string, prefixes: RegExp): string[] {
  const lines = sectionOf(saved, table);
  const chains = lines.flatMap((line) => {
    const [, name = ''] = /^:(\S+) - /.exec(line) ?? [];
    return prefixes.test(name) ? [name] : [];
  });
  if (chains.length === 0) return [];
  const gone = new Set(chains);
  const leading = lines.filter((line) => {
    const [, from = '', to = ''] = /^-A (\S+) (?:.* )?-[jg] (\S+)/.exec(line) ?? [];
    return gone.has(to) && !gone.has(from);
  });
  return [
    `*${table}`,
    ...chains.map((name) => `:${name} - [0:0]`),
    ...leading.map((line) => `-D${line.slice(2)}`),
    ...chains.map((name) => `-X ${name}`),
    'COMMIT',
  ];
}

function sectionOf(saved: string, table: string): readonly string[] {
  const lines = saved.split('\n');
  const from = lines.indexOf(`*${table}`);
  return from < 0 ? [] : lines.slice(from + 1, lines.indexOf('COMMIT', from));
}

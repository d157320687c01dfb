import type {Entry} from './claims.ts';
import {type FixedChain, jumpRule, jumps} from './fixed.ts';
import type {Difference, Ledger} from './ledger.ts';
import {isServiceChain, kubeletFirewall, markMasquerade, type Place, type TableName} from './names.ts';
import {has, type Observed} from './observed.ts';

/** The input of one iptables-restore: each table in it is committed as a whole. */
export type Input = readonly string[];

/** Taking out one rule costs iptables-nft a look at the whole chain, so that many are cheaper written anew. */
const mostRemovals = 32;

/** In a large cluster the comments of the rules for endpoints cost more than they tell (kube-proxy's own limit). */
export const largeCluster = 1_000;

export type Style = {
  /** Leave comments away where kube-proxy does. */
  readonly large: boolean;
  /** How many of the Services' chains go into one input: iptables-nft needs time with the square of them. */
  readonly chainsPerInput: number;
};

/** Brings the kernel from the tables that were committed last to the desired ones. */
export function differenceInput(
  {chains, insert, remove, rewrite}: Difference,
  shared: () => ReadonlyMap<Place, readonly string[]>,
  {large}: Style,
): Input {
  const whole = new Set([...rewrite, ...crowded(remove)]);
  const rules = whole.size === 0 ? new Map<Place, readonly string[]>() : shared();
  const single = (entries: readonly Entry[]) => entries.filter(({place}) => !whole.has(place));
  const inTable = (table: TableName): string[] => {
    const own = (place: Place) => place.startsWith(`${table} `);
    const written: [string, readonly string[]][] = [...whole]
      .filter(own)
      .map((place) => [chainOf(place), rules.get(place) ?? []]);
    const dropped: string[] = [];
    if (table === 'nat')
      for (const [name, chain] of chains)
        if (chain === undefined) dropped.push(name);
        else written.push([name, slim(name, chain, large)]);
    const entryLines = (word: '-D' | '-I', entries: readonly Entry[]) =>
      single(entries)
        .filter(({place}) => own(place))
        .map(({place, rule}) => `${word} ${chainOf(place)} ${rule}`);
    return section(table, [
      ...[...written.map(([name]) => name), ...dropped].map(newChain),
      ...entryLines('-D', remove),
      ...written.flatMap(([name, chain]) => appended(name, chain)),
      ...entryLines('-I', insert),
      ...dropped.map((name) => `-X ${name}`),
    ]);
  };
  return [...inTable('filter'), ...inTable('nat')];
}

/**
 * Writes everything, whatever the kernel holds. The Services' chains come first, in portions, then in one input all
 * that sends packets to them: packets see the old rules or the new ones. Chains that are nobody's go last.
 */
export function wholeInputs(
  ledger: Pick<Ledger, 'services' | 'shared'>,
  fixed: readonly FixedChain[],
  observed: Observed,
  style: Style,
): {readonly inputs: readonly Input[]; readonly cleanup: readonly Input[]} {
  const groups = grouped(ledger, style);
  const single = groups.length === 1 ? (groups[0] ?? []) : [];
  const mark = fixed
    .filter(({name}) => name === markMasquerade)
    .map(({name, rules}) => [name, rules] as const);
  const wanted = new Set(groups.flat().map(([name]) => name));
  const stale = [...observed.chains]
    .filter((place) => place.startsWith('nat '))
    .map(chainOf)
    .filter((name) => isServiceChain(name) && !wanted.has(name));
  return {
    inputs: [
      ...(groups.length === 1 ? [] : groups).map((group) => section('nat', chainLines([...mark, ...group]))),
      finalInput(ledger.shared(), fixed, observed, single),
    ],
    cleanup: removals('nat', stale, style.chainsPerInput),
  };
}

type Written = readonly (readonly [name: string, rules: readonly string[]])[];

function finalInput(
  shared: ReadonlyMap<Place, readonly string[]>,
  fixed: readonly FixedChain[],
  observed: Observed,
  services: Written,
): Input {
  const inTable = (table: TableName): string[] => {
    const own = fixed.filter((chain) => chain.table === table);
    // An empty chain of ours is only made: the kubelet may have filled its own.
    const made = own.filter(
      ({name, rules}) => rules.length === 0 && !observed.chains.has(`${table} ${name}`),
    );
    const written: Written = [
      ...own.filter(({rules}) => rules.length > 0).map(({name, rules}) => [name, rules] as const),
      ...(table === 'nat' ? services : []),
      ...[...shared]
        .filter(([place]) => place.startsWith(`${table} `))
        .map(([place, rules]) => [chainOf(place), rules] as const),
    ];
    const missing = jumps.filter(
      (jump) => jump.table === table && !has(observed, table, jump.from, jumpRule(jump)),
    );
    return section(table, [
      ...made.map(({name}) => newChain(name)),
      ...chainLines(written),
      ...missing.map((jump) => `-I ${jump.from} ${jumpRule(jump)}`),
    ]);
  };
  return [...inTable('mangle'), ...inTable('filter'), ...inTable('nat')];
}

/** Succeeds when what packets need to come to the Services is there; changes nothing. */
export function checkInput(fixed: readonly FixedChain[]): Input {
  return (['filter', 'nat'] as const).flatMap((table) =>
    section(table, [
      ...fixed
        .filter((chain) => chain.table === table && chain.name !== kubeletFirewall)
        .flatMap(({name, rules}) => rules.slice(-1).map((rule) => `-C ${name} ${rule}`)),
      ...jumps
        .filter((jump) => jump.table === table && jump.to !== kubeletFirewall)
        .map((jump) => `-C ${jump.from} ${jumpRule(jump)}`),
    ]),
  );
}

/** Empties chains, then deletes them: none may refer to another by then. */
export function removals(table: TableName, chains: readonly string[], perInput: number): Input[] {
  const slices: string[][] = [];
  for (let i = 0; i < chains.length; i += perInput) slices.push(chains.slice(i, i + perInput));
  return [
    ...slices.map((slice) => section(table, slice.map(newChain))),
    ...slices.map((slice) =>
      section(
        table,
        slice.map((name) => `-X ${name}`),
      ),
    ),
  ];
}

export function section(table: TableName, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : [`*${table}`, ...lines, 'COMMIT'];
}

export function newChain(name: string): string {
  return `:${name} - [0:0]`;
}

function chainLines(chains: Written): string[] {
  return [
    ...chains.map(([name]) => newChain(name)),
    ...chains.flatMap(([name, rules]) => appended(name, rules)),
  ];
}

function appended(name: string, rules: readonly string[]): string[] {
  return rules.map((rule) => `-A ${name} ${rule}`);
}

/** A Service's chains stay together, as they name each other. */
function grouped(
  ledger: Pick<Ledger, 'services'>,
  {chainsPerInput, large}: Style,
): (readonly [string, readonly string[]])[][] {
  const groups: (readonly [string, readonly string[]])[][] = [[]];
  for (const [, chains] of ledger.services()) {
    const last = groups.at(-1) ?? [];
    const full = last.length > 0 && last.length + chains.size > chainsPerInput;
    const group = full ? [] : last;
    if (full) groups.push(group);
    for (const [name, rules] of chains) group.push([name, slim(name, rules, large)]);
  }
  return groups;
}

function slim(chain: string, rules: readonly string[], large: boolean): readonly string[] {
  if (!large) return rules;
  const ofEndpoint = chain.startsWith('KUBE-SEP-');
  return rules.map((rule) => (ofEndpoint || rule.includes(' -> ') ? rule.replace(commentPattern, '') : rule));
}

const commentPattern = /^-m comment --comment "[^"]*" /;

function crowded(entries: readonly Entry[]): Place[] {
  const counts = new Map<Place, number>();
  for (const {place} of entries) counts.set(place, (counts.get(place) ?? 0) + 1);
  return [...counts].filter(([, count]) => count > mostRemovals).map(([place]) => place);
}

function chainOf(place: string): string {
  return place.slice(place.indexOf(' ') + 1);
}

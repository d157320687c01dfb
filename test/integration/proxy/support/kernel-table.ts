import type {RunResult} from '../../../../src/edges/process/exec.ts';
import {ipWord, type Table} from '../../../../src/proxy/table/table.ts';
import type {Rendered} from '../../../unit/proxy/support/tables.ts';

type Run = (file: string, args: readonly string[]) => Promise<RunResult>;
type Listed = {
  readonly elements: ReadonlyMap<string, ReadonlyMap<string, string>>;
  /** Rules as nft's JSON, without what is only known to the kernel. */
  readonly chains: ReadonlyMap<string, readonly string[]>;
};

/** Reads a table from the kernel with nft's own listing. */
export async function listTable(run: Run, {family, name}: Pick<Table, 'family' | 'name'>): Promise<Listed> {
  const {stdout} = await run('nft', ['-j', 'list', 'table', ipWord(family), name]);
  const {nftables}: {nftables: Record<string, Entry>[]} = JSON.parse(stdout);
  const elements = new Map<string, Map<string, string>>();
  const chains = new Map<string, string[]>();
  for (const item of nftables) {
    const container = item.set ?? item.map;
    if (container?.name !== undefined)
      elements.set(container.name, new Map((container.elem ?? []).map(readElement)));
    if (item.chain?.name !== undefined) chains.set(item.chain.name, []);
    if (item.rule?.chain !== undefined) chains.get(item.rule.chain)?.push(JSON.stringify(item.rule.expr));
  }
  return {elements, chains};
}

type Entry = {name?: string; chain?: string; expr?: unknown; elem?: unknown[]};

function readElement(element: unknown): [string, string] {
  if (Array.isArray(element)) return [text(element[0]), text(element[1])];
  return [text(element), ''];
}

/** A key or value of nft's JSON as nft's own text. */
function text(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value);
  if ('concat' in value && Array.isArray(value.concat)) return value.concat.map(text).join(' . ');
  if ('elem' in value && typeof value.elem === 'object' && value.elem !== null && 'val' in value.elem)
    return text(value.elem.val);
  if ('goto' in value) return `goto ${JSON.stringify(value.goto).match(/"target":"([^"]*)"/)?.[1]}`;
  if ('drop' in value) return 'drop';
  return JSON.stringify(value);
}

/** What the desired table says, in the same form. */
export function desiredElements(table: Rendered): ReadonlyMap<string, ReadonlyMap<string, string>> {
  return new Map(
    [...table.containers.keys()].map((name) => [name, table.elements.get(name) ?? new Map<string, string>()]),
  );
}

export function sortedEntries<T>(map: ReadonlyMap<string, T>): [string, T][] {
  return [...map].sort(([a], [b]) => (a < b ? -1 : 1));
}

export function plain(elements: ReadonlyMap<string, ReadonlyMap<string, string>>) {
  return sortedEntries(elements).map(([name, map]) => [name, sortedEntries(map)]);
}

import {run} from './exec.ts';

/** The packet filter as other programs and ours left it: tables, and chains by table. */
export type NftSight = {
  /** `ip nodectl-proxy` */
  readonly tables: readonly string[];
  /** `ip nat KUBE-SERVICES` */
  readonly chains: readonly string[];
};

/** Terse: elements of sets and maps are not fetched, so that thousands of Services cost nothing. */
export async function lookAtNft(signal: AbortSignal): Promise<NftSight> {
  const {stdout} = await run('nft', ['--terse', 'list', 'chains'], {timeoutMs: 2000, signal});
  return parseChains(stdout);
}

/** How many elements a map holds; 0 when there is no such map. */
export async function countElements(table: string, map: string, signal: AbortSignal): Promise<number> {
  const args = ['--json', 'list', 'map', ...table.split(' '), map];
  const {exitCode, stdout} = await run('nft', args, {timeoutMs: 2000, signal, okCodes: [0, 1]});
  if (exitCode !== 0) return 0;
  const document: {nftables?: {map?: {elem?: unknown[]}}[]} = JSON.parse(stdout);
  return document.nftables?.reduce((sum, {map: found}) => sum + (found?.elem?.length ?? 0), 0) ?? 0;
}

export function parseChains(text: string): NftSight {
  const tables: string[] = [];
  const chains: string[] = [];
  for (const line of text.split('\n')) {
    const table = /^table (\S+ \S+) \{/.exec(line)?.[1];
    const chain = /^\tchain (\S+) \{/.exec(line)?.[1];
    if (table !== undefined) tables.push(table);
    if (chain !== undefined) chains.push(`${tables.at(-1) ?? ''} ${chain}`);
  }
  return {tables, chains};
}

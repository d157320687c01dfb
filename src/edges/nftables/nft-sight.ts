import {readText} from '../files/files.ts';
import {run} from '../process/run.ts';
import {asArguments} from './statements-file.ts';

/** A chain as nft prints it; `hook` and `policy` only where packets enter. */
export type NftChain = {
  /** `ip nat` */
  readonly table: string;
  readonly name: string;
  readonly hook: string | undefined;
  readonly policy: string | undefined;
  readonly rules: readonly string[];
};

/** The packet filter as other programs and ours left it. */
export type NftSight = {
  /** `ip nodectl-proxy` */
  readonly tables: readonly string[];
  /** `ip nat KUBE-SERVICES` */
  readonly chains: readonly string[];
  readonly all: readonly NftChain[];
};

/** Terse: elements of sets and maps are not fetched, so that thousands of Services cost nothing. */
export async function lookAtNft(signal: AbortSignal): Promise<NftSight> {
  const {stdout} = await run('nft', ['--terse', 'list', 'ruleset'], {timeoutMs: 2800, signal});
  return parseRuleset(stdout);
}

export function parseRuleset(text: string): NftSight {
  const tables: string[] = [];
  const all: (NftChain & {rules: string[]})[] = [];
  let inChain = false;
  for (const line of text.split('\n')) {
    const table = /^table (\S+ \S+) \{/.exec(line)?.[1];
    const chain = /^\tchain (\S+) \{/.exec(line)?.[1];
    if (table !== undefined) tables.push(table);
    if (/^\t\S/.test(line)) inChain = chain !== undefined;
    if (chain !== undefined)
      all.push({table: tables.at(-1) ?? '', name: chain, hook: undefined, policy: undefined, rules: []});
    else if (inChain && line.startsWith('\t\t')) addLine(all, line.trim());
  }
  return {tables, all, chains: all.map(({table, name}) => `${table} ${name}`)};
}

/** `type filter hook forward priority filter; policy drop;` stands first in a base chain. */
function addLine(all: (NftChain & {rules: string[]})[], line: string): void {
  const last = all.at(-1);
  if (last === undefined) return;
  const [, hook] = /^type \S+ hook (\S+) /.exec(line) ?? [];
  if (hook === undefined) last.rules.push(line);
  else all[all.length - 1] = {...last, hook, policy: /policy (\w+);/.exec(line)?.[1]};
}

/** Rules and chains of iptables' older kind, which nft does not see; none where the kernel has no such table. */
export async function legacyRules(signal: AbortSignal): Promise<readonly string[]> {
  const names = ((await readText('/proc/net/ip_tables_names')) ?? '')
    .split('\n')
    .filter((name) => name !== '');
  const saved = await Promise.all(
    names.map((table) =>
      run('iptables-legacy', ['-t', table, '-S'], {timeoutMs: 2800, signal, okCodes: [0]}).catch(
        () => undefined,
      ),
    ),
  );
  return saved.flatMap((result, at) =>
    (result?.stdout ?? '')
      .split('\n')
      .filter((line) => /^-[AN] /.test(line) || / DROP$/.test(line))
      .map((line) => `${names[at] ?? ''} ${line}`),
  );
}

/** What is in a verdict map of service ports, one `key : verdict` each; undefined when there is no such map. */
export async function listMap(
  table: string,
  map: string,
  signal: AbortSignal,
): Promise<readonly string[] | undefined> {
  const args = ['list', 'map', ...table.split(' '), map];
  const {exitCode, stdout} = await run('nft', args, {timeoutMs: 2800, signal, okCodes: [0, 1]});
  return exitCode === 0 ? parseMap(stdout) : undefined;
}

export function parseMap(text: string): string[] {
  const elements = text.slice(text.indexOf('elements = {'));
  return [...elements.matchAll(/([\da-f:.]+ \. \w+ \. \d+ : [a-z]+(?: [\w.-]+)?)/g)].map(
    ([, element = '']) => element,
  );
}

/**
 * Whether a map has all these keys, without reading it: listings fetch every element. A deletion that is only checked
 * fails in the kernel as soon as one of the keys is not there.
 */
export async function hasKeys(
  table: string,
  map: string,
  keys: readonly string[],
  signal: AbortSignal,
): Promise<boolean> {
  if (keys.length === 0) return true;
  const statement = `delete element ${table} ${map} { ${keys.join(', ')} }`;
  const {exitCode} = await run('nft', ['--check', ...asArguments([statement])], {
    timeoutMs: 2000,
    signal,
    okCodes: [0, 1],
  });
  return exitCode === 0;
}

/** What this nft does not understand of these statements, in its own words; nothing is done. */
export async function languageComplaint(statements: readonly string[]): Promise<string | undefined> {
  const options = {timeoutMs: 10_000, okCodes: [0, 1]};
  const {stderr} = await run('nft', ['--check', ...asArguments(statements)], options);
  return complaintIn(stderr);
}

/**
 * Of the language alone, with a mark below the words in question: what the kernel refuses, or a right that is missing,
 * may be otherwise in a moment.
 */
export function complaintIn(stderr: string): string | undefined {
  return /^Error: (?!Could not process rule)(.*)\n.*\n[ ~]*\^/m.exec(stderr)?.[1];
}

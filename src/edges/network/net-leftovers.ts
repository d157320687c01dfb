import {asArguments} from '../nftables/statements-file.ts';
import {run} from '../process/run.ts';
import {hasLegacyChains, legacyTable, removeLegacyChains} from './legacy-leftovers.ts';

/** nftables tables of this network namespace, as `ip nat`; empty without nft. */
export async function listTables(): Promise<string[]> {
  const found = await nftJson(['list', 'tables']);
  return found.flatMap(({table}) => (table === undefined ? [] : [`${table.family} ${table.name}`]));
}

export async function deleteTable(table: string): Promise<void> {
  await run('nft', ['delete', 'table', ...table.split(' ')], {okCodes: [0, 1]});
}

/**
 * Whether a table that iptables-nft made on somebody's first rule holds nothing but empty base chains and the rules
 * and chains whose names begin so (CNI-, KUBE-).
 */
export async function holdsOnly(table: string, prefixes: RegExp): Promise<boolean> {
  const found = await nftJson(['list', 'table', ...table.split(' ')]);
  return found.every(({rule, chain}) => {
    if (chain !== undefined) return chain.policy === 'accept' || prefixes.test(chain.name);
    if (rule === undefined) return true;
    return prefixes.test(rule.chain) || targetsOf(rule).some((target) => prefixes.test(target));
  });
}

/** Whether a table, of nftables or `legacy ip filter`, has chains whose names begin so. */
export async function hasChains(table: string, prefixes: RegExp): Promise<boolean> {
  const legacy = legacyTable(table);
  if (legacy !== undefined) return hasLegacyChains(legacy, prefixes);
  const found = await nftJson(['list', 'table', ...table.split(' ')]);
  return found.some(({chain}) => chain !== undefined && prefixes.test(chain.name));
}

/** Whether a chain of a table, `ip filter INPUT`, is there. */
export async function hasBaseChain(target: string): Promise<boolean> {
  return (await nftJson(['list', 'chain', ...target.split(' ')])).some(({chain}) => chain !== undefined);
}

/** Takes it away where it is as iptables makes it: without a rule, and lets everything pass. False where it is not. */
export async function removeBaseChain(target: string): Promise<boolean> {
  const found = await nftJson(['list', 'chain', ...target.split(' ')]);
  if (found.some(({rule, chain}) => rule !== undefined || (chain?.policy ?? 'accept') !== 'accept'))
    return false;
  if (found.some(({chain}) => chain !== undefined))
    await run('nft', ['delete', 'chain', ...target.split(' ')], {okCodes: [0, 1]});
  return true;
}

/** Takes such chains out of a table that is somebody else's, and the rules that lead to them, in one transaction. */
export async function removeChains(table: string, prefixes: RegExp): Promise<void> {
  const legacy = legacyTable(table);
  if (legacy !== undefined) return removeLegacyChains(legacy, prefixes);
  const found = await nftJson(['--handle', 'list', 'table', ...table.split(' ')]);
  const chains = found.flatMap(({chain}) =>
    chain !== undefined && prefixes.test(chain.name) ? [chain.name] : [],
  );
  const rules = found.flatMap(({rule}) =>
    rule !== undefined &&
    !chains.includes(rule.chain) &&
    targetsOf(rule).some((name) => chains.includes(name))
      ? [`delete rule ${table} ${rule.chain} handle ${rule.handle}`]
      : [],
  );
  const each = (verb: string) => chains.map((name) => `${verb} chain ${table} ${name}`);
  if (chains.length === 0) return;
  await run('nft', asArguments([...rules, ...each('flush'), ...each('delete')]));
}

type NftRule = {
  readonly chain: string;
  readonly handle?: number;
  readonly expr?: readonly {
    readonly jump?: {readonly target: string};
    readonly goto?: {readonly target: string};
  }[];
};

function targetsOf({expr}: NftRule): string[] {
  return (expr ?? []).flatMap((e) => e.jump?.target ?? e.goto?.target ?? []);
}

type NftObject = {
  readonly table?: {readonly family: string; readonly name: string};
  readonly chain?: {readonly name: string; readonly policy?: string};
  readonly rule?: NftRule;
};

async function nftJson(words: readonly string[]): Promise<readonly NftObject[]> {
  try {
    const {exitCode, stdout} = await run('nft', ['-j', ...words], {okCodes: [0, 1], timeoutMs: 20_000});
    if (exitCode !== 0) return [];
    const {nftables}: {nftables: NftObject[]} = JSON.parse(stdout);
    return nftables;
  } catch {
    // Without nft there is nothing of ours in the kernel.
    return [];
  }
}

export async function linkExists(name: string): Promise<boolean> {
  const {exitCode} = await run('ip', ['link', 'show', 'dev', name], {okCodes: [0, 1]});
  return exitCode === 0;
}

export async function deleteLink(name: string): Promise<void> {
  await run('ip', ['link', 'delete', 'dev', name], {okCodes: [0, 1]});
}

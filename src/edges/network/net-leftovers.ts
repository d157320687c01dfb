import {run} from '../process/run.ts';

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
    const targets = (rule.expr ?? []).flatMap((e) => e.jump?.target ?? e.goto?.target ?? []);
    return prefixes.test(rule.chain) || targets.some((target) => prefixes.test(target));
  });
}

type NftObject = {
  readonly table?: {readonly family: string; readonly name: string};
  readonly chain?: {readonly name: string; readonly policy?: string};
  readonly rule?: {
    readonly chain: string;
    readonly expr?: readonly {
      readonly jump?: {readonly target: string};
      readonly goto?: {readonly target: string};
    }[];
  };
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

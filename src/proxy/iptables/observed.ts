import {hash} from 'node:crypto';
import {isOwnChain, type TableName} from './names.ts';

/** What iptables-save says of one family. */
export type Observed = {
  /** `nat KUBE-SERVICES` */
  readonly chains: ReadonlySet<string>;
  /** Rules by chain, as `nat PREROUTING`; each without its `-A PREROUTING `. */
  readonly rules: ReadonlyMap<string, readonly string[]>;
};

export function readSaved(text: string): Observed {
  const chains = new Set<string>();
  const rules = new Map<string, string[]>();
  let table = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('*')) table = line.slice(1);
    else if (line.startsWith(':')) chains.add(`${table} ${line.slice(1, line.indexOf(' '))}`);
    else if (line.startsWith('-A ')) {
      const [, chain = '', rule = ''] = /^-A (\S+) ?(.*)$/.exec(line) ?? [];
      const known = rules.get(`${table} ${chain}`);
      if (known === undefined) rules.set(`${table} ${chain}`, [rule]);
      else known.push(rule);
    }
  }
  return {chains, rules};
}

export function has({rules}: Observed, table: TableName, chain: string, rule: string): boolean {
  return rules.get(`${table} ${chain}`)?.includes(rule) ?? false;
}

/** Tells two listings of our chains apart. */
export function ownDigest(text: string): string {
  const own = text.split('\n').filter((line) => {
    const chain = /^-A (\S+)/.exec(line)?.[1];
    return chain !== undefined && isOwnChain(chain);
  });
  return hash('sha256', own.join('\n'));
}

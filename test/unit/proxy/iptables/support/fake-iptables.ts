import {type Iptables, RestoreError} from '../../../../../src/edges/nftables/iptables.ts';
import type {Family} from '../../../../../src/lib/addresses.ts';

const builtIn: Readonly<Record<string, readonly string[]>> = {
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
};
const targets = ['ACCEPT', 'DROP', 'RETURN', 'REJECT', 'MARK', 'MASQUERADE', 'DNAT'];

type Chains = Map<string, string[]>;

/** iptables as a thing of memory: it takes and refuses inputs as iptables-restore does, each table as a whole. */
export class FakeIptables implements Iptables {
  readonly family: Family;
  readonly backend: Iptables['backend'];
  /** By `nat PREROUTING`. */
  tables: Map<string, Chains> = fresh();
  readonly inputs: (readonly string[])[] = [];
  /** Says why a line is refused. */
  refuse: (line: string) => string | undefined = () => undefined;
  /** Rules that are refused as iptables-legacy does it: with their table, and nobody says which. */
  refuseTable: (line: string) => boolean = () => false;
  /** How many tables may still be committed before the program is killed. */
  commitsLeft = Number.POSITIVE_INFINITY;

  constructor(family: Family, backend: Iptables['backend'] = 'nft') {
    this.family = family;
    this.backend = backend;
  }

  async save(): Promise<string> {
    return [...this.tables]
      .flatMap(([table, chains]) => [
        `*${table}`,
        ...[...chains.keys()].map((name) => `:${name} ${isBuiltIn(table, name) ? 'ACCEPT' : '-'} [0:0]`),
        ...[...chains].flatMap(([name, rules]) => rules.map((rule) => `-A ${name} ${rule}`)),
        'COMMIT',
      ])
      .join('\n');
  }

  async restore(input: readonly string[]): Promise<void> {
    this.inputs.push(input);
    let table = '';
    let chains: Chains = new Map();
    let isRefused = false;
    for (const line of input) {
      isRefused ||= this.refuseTable(line);
      if (line === 'COMMIT' && isRefused)
        throw new RestoreError(`iptables-restore: line ${input.indexOf(line) + 1} failed`, line, undefined);
      const why = this.refuse(line);
      if (why !== undefined) throw new RestoreError(why, line, undefined);
      if (line.startsWith('*')) {
        table = line.slice(1);
        chains = new Map([...(this.tables.get(table) ?? [])].map(([name, rules]) => [name, [...rules]]));
      } else if (line === 'COMMIT') {
        if (this.commitsLeft-- <= 0) throw new Error('killed');
        check(table, chains);
        this.tables.set(table, chains);
      } else apply(table, chains, line);
    }
  }

  async holds(input: readonly string[]): Promise<boolean> {
    const before = this.tables;
    const count = this.inputs.length;
    try {
      await this.restore(input);
      return true;
    } catch {
      return false;
    } finally {
      this.tables = before;
      this.inputs.length = count;
    }
  }

  /** `nft flush ruleset`. */
  flush(): void {
    this.tables = fresh();
  }

  rules(place: string): readonly string[] {
    const [table = '', name = ''] = place.split(' ');
    const rules = this.tables.get(table)?.get(name);
    if (rules === undefined) throw new Error(`no chain ${place}`);
    return rules;
  }
}

function fresh(): Map<string, Chains> {
  return new Map(
    Object.entries(builtIn).map(([table, names]) => [table, new Map(names.map((name) => [name, []]))]),
  );
}

function isBuiltIn(table: string, name: string): boolean {
  return builtIn[table]?.includes(name) ?? false;
}

function apply(table: string, chains: Chains, line: string): void {
  const fail = (why: string): never => {
    throw new RestoreError(`${why}: ${line}`, line, undefined);
  };
  const declared = /^:(\S+) - \[0:0\]$/.exec(line)?.[1];
  if (declared !== undefined) {
    if (isBuiltIn(table, declared)) fail('a built-in chain is declared');
    chains.set(declared, []);
    return;
  }
  const [, word = '', name = '', rule = ''] = /^(-[A-Z]) (\S+) ?(.*)$/.exec(line) ?? [];
  const rules = chains.get(name) ?? fail('no such chain');
  switch (word) {
    case '-A':
      rules.push(rule);
      break;
    case '-I':
      rules.unshift(rule);
      break;
    case '-C':
      if (!rules.includes(rule)) fail('no such rule');
      break;
    case '-D':
      if (!rules.includes(rule)) fail('no such rule');
      rules.splice(rules.indexOf(rule), 1);
      break;
    case '-X':
      if (rules.length > 0) fail('the chain is not empty');
      chains.delete(name);
      break;
    default:
      fail('a line that is not understood');
  }
}

/** What a rule jumps to exists; a chain that is jumped to cannot go. */
function check(table: string, chains: Chains): void {
  for (const [name, rules] of chains)
    for (const rule of rules) {
      const target = /(?:^| )-j (\S+)/.exec(rule)?.[1];
      if (target !== undefined && !targets.includes(target) && !chains.has(target))
        throw new RestoreError(`${table} ${name}: no chain ${target}`, `-A ${name} ${rule}`, undefined);
    }
}

import {parseAddress} from '../../lib/addresses.ts';

/** nft needs 1.6 kB for one, in the transaction that replaces the table: who comes last is a stranger again. */
const most = 50_000;

const unitSeconds: Readonly<Record<string, number>> = {d: 86_400, h: 3_600, m: 60, s: 1, ms: 0.001};

/**
 * Who is bound to which endpoint (session affinity), read from a table's sets as nft prints them. Whatever writes the
 * whole table anew, as the start of a proxy does, must not make clients strangers: their sessions are at an endpoint.
 */
export class Clients {
  readonly #wanted: ReadonlySet<string>;
  /** Elements with what is left of their time, by set. */
  readonly found = new Map<string, string[]>();
  #set = '';
  #inElements = false;
  #count = 0;

  constructor(wanted: ReadonlySet<string>) {
    this.#wanted = wanted;
  }

  line(line: string): void {
    const opened = /^\tset (\S+) \{$/.exec(line);
    if (opened !== null || line === '\t}') {
      this.#set = opened?.[1] ?? '';
      this.#inElements = false;
      return;
    }
    if (!this.#wanted.has(this.#set)) return;
    this.#inElements ||= line.startsWith('\t\telements = {');
    if (!this.#inElements) return;
    for (const text of line.split(',')) this.#element(text);
  }

  #element(text: string): void {
    const [, client = '', left = ''] = /([0-9a-f.:]+) timeout \w+ expires (\w+)/.exec(text) ?? [];
    const seconds = Math.floor(secondsOf(left));
    if (parseAddress(client) === undefined || seconds < 1 || this.#count >= most) return;
    const known = this.found.get(this.#set) ?? [];
    known.push(`${client} timeout ${seconds}s`);
    this.found.set(this.#set, known);
    this.#count++;
  }
}

/** `2h59m56s496ms` */
function secondsOf(text: string): number {
  let seconds = 0;
  for (const [, amount, unit = ''] of text.matchAll(/(\d+)(ms|[dhms])/g))
    seconds += Number(amount) * (unitSeconds[unit] ?? 0);
  return seconds;
}

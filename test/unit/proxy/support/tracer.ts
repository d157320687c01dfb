import {cidrContains, parseAddress, parseCidr} from '../../../../src/lib/addresses.ts';
import type {Rendered} from './tables.ts';
import {type Flow, world} from './vectors.ts';

type Packet = {
  readonly saddr: string;
  readonly daddr: string;
  readonly proto: string;
  readonly dport: number;
  readonly marked: boolean;
  readonly dnat: boolean;
  readonly masqueraded: boolean;
  /** The rules of the base chain that it is in: as they were when it came to that chain. */
  readonly rules: Rendered;
  /** Steps at which a commit can make a difference: base chains and lookups so far. */
  readonly steps: number;
};
/** A commit that a packet meets on its way: everything from this step on is the other table's. */
export type Commit = {readonly after: Rendered; readonly step: number};
type Ended = {readonly verdict: 'accept' | 'drop' | 'reject' | 'fallthrough'; readonly packet: Packet};

/**
 * What becomes of the first packet of a flow: every outcome that the table allows, as the vectors write them. It
 * reads the rules' own text, and refuses a rule that it does not know.
 */
export function trace(
  table: Rendered,
  flow: Pick<Flow, 'from' | 'protocol' | 'to'>,
  commit?: Commit,
): readonly string[] | 'REJECT' | 'DROP' | 'NONE' {
  const tracer = new Tracer(table, flow.from, commit);
  const packet: Packet = {
    saddr: world[flow.from]?.[table.family] ?? '',
    daddr: flow.to.address,
    proto: flow.protocol.toLowerCase(),
    dport: flow.to.port,
    marked: false,
    dnat: false,
    masqueraded: false,
    rules: table,
    steps: 0,
  };
  const ends =
    flow.from === 'node' || flow.from === 'lb1' ? tracer.output(packet) : tracer.prerouting(packet);
  const said = ends.map(({verdict, packet: p}) => {
    if (verdict === 'drop') return 'DROP';
    if (verdict === 'reject') return 'REJECT';
    if (!p.dnat) return 'NONE';
    const host = p.daddr.includes(':') ? `[${p.daddr}]` : p.daddr;
    return `${host}:${p.dport}${p.masqueraded ? ' masq' : ''}`;
  });
  const all = [...new Set(said)].sort();
  const [only] = all;
  if (all.length === 1 && (only === 'DROP' || only === 'REJECT' || only === 'NONE')) return only;
  return all;
}

class Tracer {
  readonly #table: Rendered;
  readonly #ip: string;
  readonly #from: Flow['from'];
  readonly #commit: Commit | undefined;

  constructor(table: Rendered, from: Flow['from'], commit: Commit | undefined) {
    this.#table = table;
    this.#from = from;
    this.#commit = commit;
    this.#ip = table.family === 'IPv4' ? 'ip' : 'ip6';
  }

  prerouting(packet: Packet): Ended[] {
    return this.#hooks(packet, ['filter-prerouting', 'nat-prerouting', 'nat-prerouting-again']).flatMap(
      (end) =>
        this.#go(end, (p) => {
          const next = this.#isLocal(p.daddr) ? ['filter-input'] : ['filter-forward', 'nat-postrouting'];
          return this.#hooks(p, next);
        }),
    );
  }

  output(packet: Packet): Ended[] {
    const before = ['filter-output-before-nat', 'nat-output', 'nat-output-again', 'filter-output'];
    return this.#hooks(packet, before).flatMap((end) =>
      this.#go(end, (p) =>
        this.#hooks(p, this.#isLocal(p.daddr) ? ['nat-postrouting', 'filter-input'] : ['nat-postrouting']),
      ),
    );
  }

  #hooks(packet: Packet, names: readonly string[]): Ended[] {
    const start: Ended[] = [{verdict: 'accept', packet}];
    return names.reduce(
      (ends, name) => ends.flatMap((end) => this.#go(end, (p) => this.#base(name, p))),
      start,
    );
  }

  #go(end: Ended, next: (packet: Packet) => Ended[]): Ended[] {
    return end.verdict === 'accept' ? next(end.packet) : [end];
  }

  /** A packet that one chain has translated is not shown to the other chains for translation. */
  #base(name: string, packet: Packet): Ended[] {
    if (packet.dnat && name.endsWith('-again')) return [{verdict: 'accept', packet}];
    const fresh = {...packet, rules: this.#now(packet), steps: packet.steps + 1};
    return this.#chain(name, fresh).map((end) =>
      end.verdict === 'fallthrough' ? {...end, verdict: 'accept'} : end,
    );
  }

  /** The table whose elements a packet finds at this step. */
  #now({steps}: Packet): Rendered {
    return this.#commit !== undefined && steps >= this.#commit.step ? this.#commit.after : this.#table;
  }

  /** A chain that the commit brought is empty for packets that came before it. */
  #chain(name: string, packet: Packet): Ended[] {
    const chain = packet.rules.chains.get(name);
    if (chain === undefined && !this.#now(packet).chains.has(name)) throw new Error(`no chain ${name}`);
    return this.#rules(chain?.rules ?? [], packet);
  }

  #rules(rules: readonly string[], packet: Packet): Ended[] {
    const [rule, ...rest] = rules;
    if (rule === undefined) return [{verdict: 'fallthrough', packet}];
    return this.#rule(rule, packet).flatMap((end) =>
      end.verdict === 'fallthrough' ? this.#rules(rest, end.packet) : [end],
    );
  }

  /** One rule, statement by statement. Fallthrough, also when it did not match: go on with the next rule. */
  #rule(text: string, packet: Packet): Ended[] {
    let p = packet;
    for (let rest = text; rest !== ''; ) {
      const step = this.#statements
        .map(([pattern, act]) => ({match: compiled(pattern).exec(rest), act}))
        .find(({match}) => match !== null);
      if (step?.match == null) throw new Error(`a rule that the tracer does not know: ${rest}`);
      if (/@|vmap/.test(step.match[0])) p = {...p, steps: p.steps + 1};
      const result = step.act(p, step.match);
      if (result === false) return [{verdict: 'fallthrough', packet: p}];
      if (Array.isArray(result)) return result;
      p = typeof result === 'object' ? result : p;
      rest = rest.slice(step.match[0].length);
    }
    return [{verdict: 'fallthrough', packet: p}];
  }

  /** Statements by their text. What they do: true and false match or not, a packet goes on, a list ends the rule. */
  get #statements(): [string, (p: Packet, m: RegExpExecArray) => boolean | Packet | Ended[]][] {
    const ip = this.#ip;
    const frontend = (p: Packet) => `${p.daddr} . ${p.proto} . ${p.dport}`;
    const end = (verdict: Ended['verdict']) => (packet: Packet) => [{verdict, packet}];
    return [
      ['ct state new', () => true],
      ['meta l4proto (tcp|udp|sctp)', (p, m) => p.proto === m[1]],
      ['ct status dnat', (p) => p.dnat],
      [
        `${ip} saddr \\. ${ip} daddr \\. meta l4proto \\. th dport @hairpin`,
        (p) => this.#has(p, 'hairpin', `${p.saddr} . ${frontend(p)}`),
      ],
      [
        `${ip} daddr \\. meta l4proto \\. th dport vmap @(\\S+)`,
        (p, m) => this.#verdict(this.#get(p, m[1], frontend(p)), p),
      ],
      [
        'meta l4proto \\. th dport vmap @(\\S+)',
        (p, m) => this.#verdict(this.#get(p, m[1], `${p.proto} . ${p.dport}`), p),
      ],
      [`${ip} saddr @(\\S+)`, (p, m) => this.#has(p, m[1], p.saddr)],
      [`${ip} daddr @(\\S+)`, (p, m) => this.#has(p, m[1], p.daddr)],
      [
        `${ip} saddr (\\!= )?([0-9a-f.:/]+)`,
        (p, m) => contains(m[2] ?? '', p.saddr) === (m[1] === undefined),
      ],
      [
        `${ip} daddr (\\!= )?([0-9a-f.:/]+)`,
        (p, m) => contains(m[2] ?? '', p.daddr) === (m[1] === undefined),
      ],
      ['fib saddr type local', (p) => this.#isLocal(p.saddr)],
      ['fib daddr type local', (p) => this.#isLocal(p.daddr)],
      ['meta mark set meta mark or 0x4000', (p) => ({...p, marked: true})],
      ['meta mark set meta mark xor 0x4000', (p) => ({...p, marked: !p.marked})],
      ['meta mark and 0x4000 != 0', (p) => p.marked],
      ['masquerade fully-random', (p) => end('accept')({...p, masqueraded: true})],
      ['update @(\\S+) \\{ [^}]* \\}', () => true],
      [
        'numgen random mod \\d+ vmap \\{ (.*) \\}',
        (p, m) => {
          const verdicts = (m[1] ?? '').split(', ').map((one) => one.split(' : ')[1]);
          return (this.#isStale(p, m[0]) ? [undefined] : verdicts).flatMap((verdict) =>
            this.#verdict(verdict, p),
          );
        },
      ],
      [
        `dnat ${ip} to (${ip} daddr \\. )?(\\w+) dport \\. numgen random mod (\\d+) map @(\\S+)`,
        (p, m) => this.#balance(p, m),
      ],
      [
        `dnat ${ip} to (\\S+):(\\d+)`,
        (p, m) => [this.#dnat(p, (m[1] ?? '').replace(/[[\]]/g, ''), Number(m[2]))],
      ],
      ['reject with tcp reset', (p) => end('reject')(p)],
      ['(drop|reject|return|(?:goto|jump) \\S+)', (p, m) => this.#verdict(m[1], p)],
    ];
  }

  #balance(p: Packet, [, byAddress, proto, count, map]: RegExpExecArray): Ended[] {
    const miss: Ended[] = [{verdict: 'fallthrough', packet: p}];
    if (proto !== p.proto) return miss;
    const prefix = byAddress === undefined ? `${p.dport}` : `${p.daddr} . ${p.dport}`;
    return Array.from({length: Number(count)}, (_, index) => {
      const found = this.#get(p, map, `${prefix} . ${index}`);
      if (found === undefined && this.#commit !== undefined) return miss;
      if (found === undefined) throw new Error(`no endpoint ${prefix} . ${index} in ${map}`);
      const [address = '', port] = found.split(' . ');
      return [this.#dnat(p, address, Number(port))];
    }).flat();
  }

  #dnat(p: Packet, daddr: string, dport: number): Ended {
    return {verdict: 'accept', packet: {...p, daddr, dport, dnat: true}};
  }

  #verdict(text: string | undefined, p: Packet): Ended[] {
    if (text === undefined) return [{verdict: 'fallthrough', packet: p}];
    if (text === 'drop' || text === 'reject') return [{verdict: text, packet: p}];
    if (text === 'return') return [{verdict: 'accept', packet: p}];
    const target = /^(goto|jump) (\S+)$/.exec(text);
    if (target === null) throw new Error(`a rule that the tracer does not know: ${text}`);
    const ends = this.#chain(target[2] ?? '', p);
    if (target[1] === 'jump') return ends;
    return ends.map((end) => (end.verdict === 'fallthrough' ? {...end, verdict: 'accept'} : end));
  }

  #get(p: Packet, container: string | undefined, key: string): string | undefined {
    return this.#now(p)
      .elements.get(container ?? '')
      ?.get(key);
  }

  #has(p: Packet, container: string | undefined, key: string): boolean {
    return this.#get(p, container, key) !== undefined;
  }

  /** The elements of an anonymous map go with its rule, also for packets that still see the rule. */
  #isStale(p: Packet, rule: string): boolean {
    const now = this.#now(p);
    return now !== p.rules && ![...now.chains.values()].some(({rules}) => rules.includes(rule));
  }

  /** The load balancer's address is one of this node's when the flow comes from it. */
  #isLocal(address: string): boolean {
    const names = ['node', 'node2', 'loopback', ...(this.#from === 'lb1' ? ['lb1'] : [])];
    return names.some((name) => world[name]?.[this.#table.family] === address);
  }
}

const patterns = new Map<string, RegExp>();

function compiled(pattern: string): RegExp {
  const known = patterns.get(pattern) ?? new RegExp(`^(?:${pattern})(?: |$)`);
  patterns.set(pattern, known);
  return known;
}

function contains(range: string, address: string): boolean {
  const cidr = parseCidr(range);
  const at = parseAddress(address);
  if (cidr === undefined) return parseAddress(range)?.text === at?.text;
  return at !== undefined && cidrContains(cidr, at);
}

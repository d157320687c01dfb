import {cidrContains, type Family, parseAddress, parseCidr} from '../../../../../src/lib/addresses.ts';
import {type Flow, world} from '../../support/vectors.ts';

type Packet = {
  readonly saddr: string;
  readonly daddr: string;
  readonly proto: string;
  readonly dport: number;
  readonly mark: number;
  readonly dnat: boolean;
  readonly masqueraded: boolean;
};
type Verdict = 'accept' | 'drop' | 'reject' | 'fallthrough';
type Ended = {readonly verdict: Verdict; readonly packet: Packet};
type Rules = (place: string) => readonly string[];

/**
 * What becomes of the first packet of a flow: every outcome that the rules allow, as the vectors write them. It reads
 * iptables' own words, and refuses one that it does not know.
 */
export function trace(
  rules: Rules,
  family: Family,
  flow: Flow,
): readonly string[] | 'REJECT' | 'DROP' | 'NONE' {
  const tracer = new Tracer(rules, family, flow.from);
  const said = tracer.run(flow).map(({verdict, packet: p}) => {
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
  readonly #rules: Rules;
  readonly #family: Family;
  readonly #from: Flow['from'];

  constructor(rules: Rules, family: Family, from: Flow['from']) {
    this.#rules = rules;
    this.#family = family;
    this.#from = from;
  }

  run(flow: Flow): Ended[] {
    const packet: Packet = {
      saddr: world[flow.from]?.[this.#family] ?? '',
      daddr: flow.to.address,
      proto: flow.protocol.toLowerCase(),
      dport: flow.to.port,
      mark: 0,
      dnat: false,
      masqueraded: false,
    };
    const own = flow.from === 'node' || flow.from === 'lb1';
    return this.#hook(own ? 'nat OUTPUT' : 'nat PREROUTING', packet).flatMap((end) =>
      this.#go(end, (p) =>
        own ? this.#fromHere(p) : this.#isLocal(p.daddr) ? this.#in(p) : this.#through(p),
      ),
    );
  }

  #fromHere(packet: Packet): Ended[] {
    return this.#hook('filter OUTPUT', packet).flatMap((end) =>
      this.#go(end, (p) =>
        this.#hook('nat POSTROUTING', p).flatMap((out) =>
          this.#go(out, (q) => (this.#isLocal(q.daddr) ? this.#in(q) : [{verdict: 'accept', packet: q}])),
        ),
      ),
    );
  }

  #in(packet: Packet): Ended[] {
    return this.#hook('filter INPUT', packet);
  }

  #through(packet: Packet): Ended[] {
    return this.#hook('filter FORWARD', packet).flatMap((end) =>
      this.#go(end, (p) => this.#hook('nat POSTROUTING', p)),
    );
  }

  #hook(place: string, packet: Packet): Ended[] {
    return this.#chain(place, packet).map((end) =>
      end.verdict === 'fallthrough' ? {...end, verdict: 'accept'} : end,
    );
  }

  #go(end: Ended, next: (packet: Packet) => Ended[]): Ended[] {
    return end.verdict === 'accept' ? next(end.packet) : [end];
  }

  #chain(place: string, packet: Packet): Ended[] {
    const table = place.slice(0, place.indexOf(' '));
    const rest = (rules: readonly string[], p: Packet): Ended[] => {
      const [rule, ...others] = rules;
      if (rule === undefined) return [{verdict: 'fallthrough', packet: p}];
      return this.#rule(table, rule, p).flatMap((end) => {
        if (end === 'returned') return [{verdict: 'fallthrough' as const, packet: p}];
        return end.verdict === 'fallthrough' ? rest(others, end.packet) : [end];
      });
    };
    return rest(this.#rules(place), packet);
  }

  #rule(table: string, text: string, packet: Packet): (Ended | 'returned')[] {
    const words = text.match(/"[^"]*"|\S+/g) ?? [];
    const past: Ended = {verdict: 'fallthrough', packet};
    let not = false;
    let chance = false;
    for (let at = 0; at < words.length; ) {
      const word = words[at] ?? '';
      if (word === '!') {
        not = true;
        at++;
        continue;
      }
      if (word === '-j') {
        const ends = this.#target(table, words[at + 1] ?? '', words.slice(at + 2), packet);
        return chance ? [past, ...ends] : ends;
      }
      const known = options[word];
      if (known === undefined) throw new Error(`a rule that the tracer does not know: ${text}`);
      const values = words.slice(at + 1, at + 1 + known.values);
      const matches = known.matches(packet, values[0] ?? '', (address) => this.#isLocal(address));
      if (word === '--probability') chance = true;
      if (matches === not) return [past];
      not = false;
      at += 1 + known.values;
    }
    return [past];
  }

  #target(table: string, target: string, words: readonly string[], packet: Packet): (Ended | 'returned')[] {
    const [option = '', value = ''] = words;
    switch (target) {
      case 'ACCEPT':
        return [{verdict: 'accept', packet}];
      case 'DROP':
        return [{verdict: 'drop', packet}];
      case 'REJECT':
        return [{verdict: 'reject', packet}];
      case 'RETURN':
        return ['returned'];
      case 'MASQUERADE':
        return [{verdict: 'accept', packet: {...packet, masqueraded: true}}];
      case 'MARK': {
        const mark = option === '--or-mark' ? packet.mark | Number(value) : packet.mark ^ Number(value);
        return [{verdict: 'fallthrough', packet: {...packet, mark}}];
      }
      case 'DNAT': {
        const [, host = '', port = ''] = /^\[?([^\]]*?)\]?:(\d+)$/.exec(value) ?? [];
        return [{verdict: 'accept', packet: {...packet, daddr: host, dport: Number(port), dnat: true}}];
      }
      default:
        return this.#chain(`${table} ${target}`, packet);
    }
  }

  /** The load balancer's address is one of this node's when the flow comes from it. */
  #isLocal(address: string): boolean {
    const names = ['node', 'node2', 'loopback', ...(this.#from === 'lb1' ? ['lb1'] : [])];
    return names.some((name) => world[name]?.[this.#family] === address);
  }
}

type Option = {
  readonly values: number;
  matches(packet: Packet, value: string, isLocal: (address: string) => boolean): boolean;
};
const always = (values: number): Option => ({values, matches: () => true});

const options: Readonly<Record<string, Option>> = {
  '-m': always(1),
  '--comment': always(1),
  '--mode': always(1),
  '--name': always(1),
  '--seconds': always(1),
  '--reap': always(0),
  '--set': always(0),
  // Every outcome is followed, and no client is known yet.
  '--probability': always(1),
  '--rcheck': {values: 0, matches: () => false},
  '-p': {values: 1, matches: (p, value) => p.proto === value},
  '--dport': {values: 1, matches: (p, value) => p.dport === Number(value)},
  '-d': {values: 1, matches: (p, value) => contains(value, p.daddr)},
  '-s': {values: 1, matches: (p, value) => contains(value, p.saddr)},
  '--dst-type': {values: 1, matches: (p, _, isLocal) => isLocal(p.daddr)},
  '--src-type': {values: 1, matches: (p, _, isLocal) => isLocal(p.saddr)},
  '--mark': {
    values: 1,
    matches: (p, value) => {
      const [wanted, mask] = value.split('/').map(Number);
      return (p.mark & (mask ?? 0)) === wanted;
    },
  },
  '--ctstate': {
    values: 1,
    matches: (p, value) => value.split(',').some((state) => state === 'NEW' || (state === 'DNAT' && p.dnat)),
  },
};

function contains(range: string, address: string): boolean {
  const at = parseAddress(address);
  const cidr = parseCidr(range);
  if (cidr === undefined) return parseAddress(range)?.text === at?.text;
  return at !== undefined && cidrContains(cidr, at);
}

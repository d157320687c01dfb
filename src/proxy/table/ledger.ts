import {emptyFragment, type Fragment, type Frontend, frontendKey, readMember} from './fragment.ts';
import {frontendElements, frontendOperations} from './frontend-elements.ts';
import type {Chain, Container, Element, Operation} from './table.ts';

type Counted<T> = {value: T; count: number};

/**
 * The desired table as the sum of what each Service puts into it. A change of one Service costs what that Service
 * holds, whatever the number of Services. `update` answers with what differs from the table before; the rest is the
 * whole, for the first commit and for repair.
 */
export class Ledger {
  readonly #fragments = new Map<string, Fragment>();
  /** The best claim last; nearly always there is one. */
  readonly #claims = new Map<string, Frontend | Frontend[]>();
  readonly #chains = new Map<string, Counted<Chain>>();
  readonly #containers = new Map<string, Counted<Container>>();
  /** How many Services have an element in common, by `container key`. */
  readonly #members = new Map<string, number>();

  get(owner: string): Fragment | undefined {
    return this.#fragments.get(owner);
  }

  /** Replaces fragments (undefined removes one) and answers with the difference, in no particular order. */
  update(changes: ReadonlyMap<string, Fragment | undefined>): Operation[] {
    const touched = new Touched();
    for (const [owner, next] of changes) this.#replace(owner, next, touched);
    return [
      ...compare(touched.containers, this.#containers, {
        add: (container) => [{do: 'add-container', container}],
        delete: (container) => [{do: 'delete-container', container}],
        change: () => [],
      }),
      ...compare(touched.chains, this.#chains, {
        add: (chain) => [
          {do: 'add-chain', chain},
          {do: 'fill-chain', chain},
        ],
        delete: (chain) => [{do: 'delete-chain', chain}],
        change: (before, chain) => (sameRules(before, chain) ? [] : [{do: 'fill-chain', chain}]),
      }),
      ...[...touched.members].flatMap(([text, before]) => this.#memberOperations(text, before)),
      ...[...touched.frontends].flatMap(([key, before]) => frontendOperations(before, this.#winner(key))),
    ];
  }

  *chains(): Iterable<Chain> {
    for (const {value} of this.#chains.values()) yield value;
  }

  *containers(): Iterable<Container> {
    for (const {value} of this.#containers.values()) yield value;
  }

  /** Of each owner, with what it has in common with others. */
  *elements(): Iterable<readonly Element[]> {
    for (const {members, frontends} of this.#fragments.values())
      yield [
        ...members.map((text) => ({...readMember(text), value: ''})),
        ...frontends.filter((one) => this.#winner(frontendKey(one)) === one).flatMap(frontendElements),
      ];
  }

  /** Keys and verdicts of the service ports that the whole table balances. */
  services(): Map<string, string> {
    const found = new Map<string, string>();
    for (const key of this.#claims.keys()) {
      const winner = this.#winner(key);
      if (winner?.kind === 'service' && winner.verdict !== undefined) found.set(key, winner.verdict);
    }
    return found;
  }

  #replace(owner: string, next: Fragment | undefined, touched: Touched): void {
    const before = this.#fragments.get(owner) ?? emptyFragment;
    const after = next ?? emptyFragment;
    for (const chain of after.chains) count(this.#chains, touched.chains, chain.name, chain);
    for (const chain of before.chains) discount(this.#chains, touched.chains, chain.name);
    for (const container of after.containers)
      count(this.#containers, touched.containers, container.name, container);
    for (const container of before.containers) discount(this.#containers, touched.containers, container.name);
    for (const member of after.members) this.#countMember(member, 1, touched);
    for (const member of before.members) this.#countMember(member, -1, touched);
    for (const frontend of before.frontends) this.#unclaim(frontend, touched);
    for (const frontend of after.frontends) this.#claim(frontend, touched);
    if (next === undefined) this.#fragments.delete(owner);
    else this.#fragments.set(owner, next);
  }

  #countMember(text: string, by: 1 | -1, touched: Touched): void {
    const known = this.#members.get(text) ?? 0;
    if (!touched.members.has(text)) touched.members.set(text, known > 0);
    if (known + by > 0) this.#members.set(text, known + by);
    else this.#members.delete(text);
  }

  #memberOperations(text: string, before: boolean): Operation[] {
    const after = this.#members.has(text);
    if (before === after) return [];
    const member = readMember(text);
    return after
      ? [{do: 'add-element', ...member, value: ''}]
      : [{do: 'delete-element', ...member, value: ''}];
  }

  #winner(key: string): Frontend | undefined {
    const claims = this.#claims.get(key);
    return Array.isArray(claims) ? claims.at(-1) : claims;
  }

  #claim(frontend: Frontend, touched: Touched): void {
    const key = frontendKey(frontend);
    touched.frontend(key, this.#winner(key));
    const known = this.#claims.get(key);
    const others = known === undefined ? [] : Array.isArray(known) ? known : [known];
    this.#claims.set(key, others.length === 0 ? frontend : [...others, frontend].sort(weakestFirst));
  }

  #unclaim(frontend: Frontend, touched: Touched): void {
    const key = frontendKey(frontend);
    touched.frontend(key, this.#winner(key));
    const known = this.#claims.get(key);
    const others = Array.isArray(known) ? known.filter((claim) => claim.owner !== frontend.owner) : [];
    const [only, second] = others;
    if (only === undefined) this.#claims.delete(key);
    else this.#claims.set(key, second === undefined ? only : others);
  }
}

/** What was there before, for everything that a round of changes has come near to. */
class Touched {
  readonly frontends = new Map<string, Frontend | undefined>();
  readonly chains = new Map<string, Chain | undefined>();
  readonly containers = new Map<string, Container | undefined>();
  /** Whether it was there. */
  readonly members = new Map<string, boolean>();

  frontend(key: string, before: Frontend | undefined): void {
    if (!this.frontends.has(key)) this.frontends.set(key, before);
  }
}

function count<T>(
  known: Map<string, Counted<T>>,
  touched: Map<string, T | undefined>,
  key: string,
  value: T,
): void {
  const counted = known.get(key);
  if (!touched.has(key)) touched.set(key, counted?.value);
  if (counted === undefined) known.set(key, {value, count: 1});
  else {
    counted.value = value;
    counted.count++;
  }
}

function discount<T>(known: Map<string, Counted<T>>, touched: Map<string, T | undefined>, key: string): void {
  const counted = known.get(key);
  if (counted === undefined) return;
  if (!touched.has(key)) touched.set(key, counted.value);
  counted.count--;
  if (counted.count === 0) known.delete(key);
}

type Comparison<T> = {
  add(value: T): Operation[];
  delete(value: T): Operation[];
  change(before: T, after: T): Operation[];
};

function compare<T>(
  touched: ReadonlyMap<string, T | undefined>,
  known: ReadonlyMap<string, Counted<T>>,
  on: Comparison<T>,
): Operation[] {
  return [...touched].flatMap(([key, before]) => {
    const after = known.get(key)?.value;
    if (before === undefined) return after === undefined ? [] : on.add(after);
    return after === undefined ? on.delete(before) : on.change(before, after);
  });
}

function sameRules(a: Chain, b: Chain): boolean {
  return a.rules.length === b.rules.length && a.rules.every((rule, i) => rule === b.rules[i]);
}

/**
 * The lowest rank wins; of one rank a Service with endpoints, as kube-proxy has it; then the first name: the same on
 * every node and after every restart.
 */
function weakestFirst(a: Frontend, b: Frontend): number {
  return (
    b.rank - a.rank ||
    Number(isServed(a)) - Number(isServed(b)) ||
    (a.owner < b.owner ? 1 : a.owner > b.owner ? -1 : 0)
  );
}

function isServed({verdict}: Frontend): boolean {
  return verdict !== undefined && verdict !== 'drop';
}

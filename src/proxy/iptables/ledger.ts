import type {Claim, Entry} from './claims.ts';
import {type Place, places} from './names.ts';
import type {Portion} from './portion.ts';

/** What differs from the tables that were committed last. */
export type Difference = {
  /** Chains of the nat table that are new or have other rules; undefined for one that is to go. */
  readonly chains: ReadonlyMap<string, readonly string[] | undefined>;
  readonly insert: readonly Entry[];
  readonly remove: readonly Entry[];
  /** Shared chains whose last rules are others. */
  readonly rewrite: ReadonlySet<Place>;
};

/** The rules of one Service, by table. */
export type OwnRules = {readonly filter: readonly string[]; readonly nat: readonly string[]};

const nothing: Portion = {
  claims: [],
  chains: new Map(),
  endpoints: 0,
  withoutLocal: {internal: 0, external: 0},
};

/**
 * The desired tables as the sum of what each Service puts into them. Two rules of a shared chain never match the same
 * packet, as one address with protocol and port has one winner among those who claim it: their order means nothing,
 * so that one can be put in or taken out without the others; only the last rules (`tail`) stay last.
 */
export class Ledger {
  readonly #portions = new Map<string, Portion>();
  /** The best claim last; nearly always there is one. */
  readonly #claims = new Map<string, readonly Claim[]>();
  /** What was there at the last `take`, for everything that has been touched since. */
  #chainsBefore = new Map<string, {readonly owner: string; readonly rules: readonly string[] | undefined}>();
  #claimsBefore = new Map<string, Claim | undefined>();
  #rewrite = new Set<Place>();
  #tail: readonly string[] = [];
  endpoints = 0;
  /** How many rules the Services have in each table. */
  readonly rules = {filter: 0, nat: 0};
  readonly withoutLocal = {internal: 0, external: 0};

  /** Replaces what a Service puts in; undefined removes it. */
  replace(owner: string, next: Portion | undefined): void {
    const before = this.#portions.get(owner) ?? nothing;
    const after = next ?? nothing;
    for (const name of [...before.chains.keys(), ...after.chains.keys()])
      if (!this.#chainsBefore.has(name))
        this.#chainsBefore.set(name, {owner, rules: before.chains.get(name)});
    for (const claim of before.claims) this.#unclaim(claim);
    for (const claim of after.claims) this.#claim(claim);
    this.endpoints += after.endpoints - before.endpoints;
    this.#count(before, -1);
    this.#count(after, 1);
    for (const policy of ['internal', 'external'] as const)
      this.withoutLocal[policy] += after.withoutLocal[policy] - before.withoutLocal[policy];
    if (next === undefined) this.#portions.delete(owner);
    else this.#portions.set(owner, next);
  }

  /** The last rules of KUBE-SERVICES in the nat table. */
  setTail(rules: readonly string[]): void {
    if (rules.join('\n') === this.#tail.join('\n')) return;
    this.#tail = rules;
    this.#rewrite.add('nat KUBE-SERVICES');
  }

  /** The difference since the last call. */
  take(): Difference {
    const chains = new Map<string, readonly string[] | undefined>();
    for (const [name, {owner, rules}] of this.#chainsBefore) {
      const after = this.#portions.get(owner)?.chains.get(name);
      if (!sameRules(rules, after)) chains.set(name, after);
    }
    const insert: Entry[] = [];
    const remove: Entry[] = [];
    for (const [key, before] of this.#claimsBefore) {
      const after = this.#claims.get(key)?.at(-1);
      insert.push(...without(after?.entries ?? [], before?.entries ?? []));
      remove.push(...without(before?.entries ?? [], after?.entries ?? []));
    }
    const rewrite = this.#rewrite;
    this.#forget();
    return {chains, insert, remove, rewrite};
  }

  /** Every Service's chains, Service by Service. */
  *services(): Iterable<readonly [owner: string, chains: ReadonlyMap<string, readonly string[]>]> {
    for (const [owner, portion] of this.#portions) yield [owner, portion.chains];
  }

  /** Every rule of each Service, by table. */
  ownRules(): ReadonlyMap<string, OwnRules> {
    const found = new Map<string, OwnRules>();
    for (const [owner, {claims, chains}] of this.#portions) {
      const entries = claims.flatMap((claim) => claim.entries);
      const of = (table: string) =>
        entries.filter(({place}) => place.startsWith(`${table} `)).map(({rule}) => rule);
      found.set(owner, {filter: of('filter'), nat: [...of('nat'), ...[...chains.values()].flat()]});
    }
    return found;
  }

  /** Every rule of the shared chains, the last ones last. */
  shared(): ReadonlyMap<Place, readonly string[]> {
    const rules = new Map<Place, string[]>(places.map((place) => [place, []]));
    for (const claims of this.#claims.values())
      for (const {place, rule} of claims.at(-1)?.entries ?? []) rules.get(place)?.push(rule);
    rules.get('nat KUBE-SERVICES')?.push(...this.#tail);
    return rules;
  }

  /** Whose a line is that the kernel refused; undefined when it is nobody's alone. */
  ownerOf(chain: string, rule: string): string | undefined {
    for (const [owner, {chains, claims}] of this.#portions) {
      if (chains.has(chain)) return owner;
      if (claims.some(({entries}) => entries.some((entry) => entry.rule === rule))) return owner;
    }
    return undefined;
  }

  #count({claims, chains}: Portion, by: 1 | -1): void {
    for (const {entries} of claims)
      for (const {place} of entries) this.rules[place.startsWith('nat ') ? 'nat' : 'filter'] += by;
    for (const rules of chains.values()) this.rules.nat += by * rules.length;
  }

  #claim(claim: Claim): void {
    const known = this.#touch(claim.key);
    this.#claims.set(claim.key, known.length === 0 ? [claim] : [...known, claim].sort(weakestFirst));
  }

  #unclaim({key, owner}: Claim): void {
    const others = this.#touch(key).filter((claim) => claim.owner !== owner);
    if (others.length === 0) this.#claims.delete(key);
    else this.#claims.set(key, others);
  }

  #touch(key: string): readonly Claim[] {
    const known = this.#claims.get(key) ?? [];
    if (!this.#claimsBefore.has(key)) this.#claimsBefore.set(key, known.at(-1));
    return known;
  }

  #forget(): void {
    this.#chainsBefore = new Map();
    this.#claimsBefore = new Map();
    this.#rewrite = new Set();
  }
}

/**
 * The lowest rank wins; of one rank a Service with endpoints, as kube-proxy has it; then the first name: the same on
 * every node and after every restart.
 */
function weakestFirst(a: Claim, b: Claim): number {
  return (
    b.rank - a.rank ||
    Number(isServed(a)) - Number(isServed(b)) ||
    (a.owner < b.owner ? 1 : a.owner > b.owner ? -1 : 0)
  );
}

function isServed({entries}: Claim): boolean {
  return entries.some(({place}) => place.startsWith('nat '));
}

function sameRules(a: readonly string[] | undefined, b: readonly string[] | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return a.length === b.length && a.every((rule, i) => rule === b[i]);
}

function without(entries: readonly Entry[], others: readonly Entry[]): Entry[] {
  return entries.filter((e) => !others.some((other) => other.place === e.place && other.rule === e.rule));
}

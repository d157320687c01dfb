import type {Chain} from '../table/table.ts';
import type {Fingerprint} from './fingerprint.ts';
import type {Listing} from './listing.ts';

type Wanted = {
  /** Undefined where the listing has no elements. */
  readonly fingerprint: Fingerprint | undefined;
  readonly chains: Iterable<Chain>;
  /** Emptied, and not deleted yet. */
  readonly retired: ReadonlySet<string>;
};

/**
 * Whether a table in the kernel is the wanted one. Elements are compared with what is wanted; rules, which nft prints in
 * words of its own, with how it printed the same rules first: soon after they were written, and once only.
 */
export class Inspection {
  readonly #printed = new Map<string, {readonly rules: string; readonly hash: number}>();
  #learns = true;

  /** Rules have been written that were never seen printed. */
  get learns(): boolean {
    return this.#learns;
  }

  /** The whole table has been written. */
  written(): void {
    this.#learns = true;
  }

  /** nft prints our rules differently from before: what it prints next is right. */
  relearn(): void {
    this.#printed.clear();
    this.#learns = true;
  }

  /** What differs, in a person's words; undefined when nothing does. */
  difference(listing: Listing, {fingerprint, chains, retired}: Wanted): string | undefined {
    const names = fingerprint === undefined ? [] : [...listing.containers.keys(), ...fingerprint.containers];
    for (const name of new Set(names))
      if ((listing.containers.get(name) ?? 0) !== fingerprint?.get(name)) return `the elements of ${name}`;
    const wanted = new Set<string>();
    for (const chain of chains) {
      wanted.add(chain.name);
      if (!this.#isPrinted(chain, listing)) return `the rules of ${chain.name}`;
    }
    for (const name of listing.chains.keys())
      if (!wanted.has(name) && !retired.has(name)) return `the chain ${name}`;
    this.#learns = false;
    return undefined;
  }

  #isPrinted({name, rules}: Chain, {chains}: Listing): boolean {
    const listed = chains.get(name);
    if (listed === undefined || listed.rules !== rules.length) return false;
    const text = rules.join('\n');
    const before = this.#printed.get(name);
    if (before?.rules === text) return before.hash === listed.hash;
    this.#printed.set(name, {rules: text, hash: listed.hash});
    return true;
  }
}

import type {Nft} from '../../edges/nftables/nft.ts';
import type {Changes, Committed, DataPlane, Inspected} from '../plane/plane.ts';
import {FamilyTable, type FamilyTableOptions} from '../table/family-table.ts';
import {ipWord, type Operation} from '../table/table.ts';
import {Fingerprint} from './fingerprint.ts';
import {Inspection} from './inspection.ts';
import {Listing} from './listing.ts';
import {NftPlane} from './plane.ts';

type Tools = Pick<Nft, 'commit' | 'hasMap' | 'list'>;

/** The nftables mode: the flat table of one family, and nft that writes it. */
export class NftDataPlane implements DataPlane {
  readonly #table: FamilyTable;
  readonly #plane: NftPlane;
  readonly #nft: Tools;
  readonly #options: FamilyTableOptions;
  readonly #fingerprint = new Fingerprint();
  readonly #inspection = new Inspection();
  /** What the next commit changes; nothing where it writes the whole table. */
  #operations: Operation[] = [];
  #committing = false;
  /** What is being done to the table. */
  #work: Promise<unknown> = Promise.resolve();
  #listing = new AbortController();
  /** Until it is resolved nothing is done to the table. */
  #held: Promise<void> | undefined;

  constructor(options: FamilyTableOptions, nft: Tools, monotonic: () => number) {
    this.#options = options;
    this.#table = new FamilyTable(options);
    this.#plane = new NftPlane(options, nft, monotonic);
    this.#nft = nft;
  }

  readonly mode = 'nftables';

  get known(): boolean {
    return this.#plane.known;
  }

  get withoutLocal(): {readonly internal: number; readonly external: number} {
    return this.#table.withoutLocal;
  }

  forget(): void {
    this.#plane.forget();
  }

  update({sources, node, context}: Changes): void {
    if (context !== undefined) this.#add(this.#table.updateNode(context));
    this.#add(this.#table.update(sources, node));
  }

  async commit(): Promise<Committed> {
    await this.#held;
    const operations = this.#operations;
    this.#operations = [];
    this.#committing = true;
    try {
      const how = await this.#working(this.#plane.commit(operations, this.#table, this.elements));
      if (how === 'full') this.#inspection.written();
      return how;
    } finally {
      this.#committing = false;
    }
  }

  get sweepInMs(): number | undefined {
    return this.#plane.sweepInMs;
  }

  async sweep(): Promise<void> {
    await this.#held;
    await this.#working(this.#plane.sweep());
  }

  /** What is printed meanwhile is neither what was there before nor what will be. */
  #working<T>(work: Promise<T>): Promise<T> {
    this.#listing.abort();
    this.#work = work.catch(() => undefined);
    return work;
  }

  get elements(): number {
    return this.#fingerprint.elements;
  }

  get learns(): boolean {
    return this.known && this.#inspection.learns;
  }

  async inspect(what: 'all' | 'rules', holds = false): Promise<Inspected | undefined> {
    const over = Promise.withResolvers<void>();
    if (holds) this.#held = over.promise;
    try {
      await this.#work;
      // What is wanted already and not in the kernel yet would seem to be missing.
      return this.#operations.length > 0 ? undefined : await this.#compare(what);
    } finally {
      this.#held = undefined;
      over.resolve();
    }
  }

  async #compare(what: 'all' | 'rules'): Promise<Inspected | undefined> {
    const {family, name} = this.#options;
    const wanted = {
      fingerprint: what === 'all' ? this.#fingerprint.copy() : undefined,
      chains: [...this.#table.chains()],
      retired: this.#plane.retired,
    };
    this.#listing = new AbortController();
    const {signal} = this.#listing;
    const listing = new Listing();
    const read = (line: string) => listing.line(line);
    const isThere = await this.#nft.list(`${ipWord(family)} ${name}`, what, read, signal);
    if (!isThere || !this.known || signal.aborted) return undefined;
    return {changed: this.#inspection.difference(listing, wanted), lines: listing.lines};
  }

  relearn(): void {
    this.#inspection.relearn();
  }

  isIntact(): Promise<boolean> {
    return this.#plane.isIntact();
  }

  services(): ReadonlyMap<string, string> {
    return this.#table.services();
  }

  #add(operations: readonly Operation[]): void {
    this.#fingerprint.follow(operations);
    const isWhole = !this.known && !this.#committing;
    for (const operation of operations) {
      if (!isWhole) this.#operations.push(operation);
      if (operation.do === 'fill-chain') this.#inspection.written();
    }
  }
}

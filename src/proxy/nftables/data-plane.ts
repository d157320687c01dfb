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
  #operations: Operation[] = [];
  /** Grows with everything that is done to the table. */
  #works = 0;

  constructor(options: FamilyTableOptions, nft: Tools, monotonic: () => number) {
    this.#options = options;
    this.#table = new FamilyTable(options);
    this.#plane = new NftPlane(options, nft.commit, monotonic);
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
    const operations = this.#operations;
    this.#operations = [];
    this.#works++;
    const how = await this.#plane.commit(operations, () => this.#table.table());
    this.#works++;
    if (how === 'full') this.#inspection.written();
    return how;
  }

  get sweepInMs(): number | undefined {
    return this.#plane.sweepInMs;
  }

  async sweep(): Promise<void> {
    this.#works++;
    await this.#plane.sweep();
    this.#works++;
  }

  get elements(): number {
    return this.#fingerprint.elements;
  }

  get learns(): boolean {
    return this.known && this.#inspection.learns;
  }

  async inspect(what: 'all' | 'rules'): Promise<Inspected | undefined> {
    const {family, name} = this.#options;
    const works = this.#works;
    const listing = new Listing();
    const isThere = await this.#nft.list(`${ipWord(family)} ${name}`, what, (line) => listing.line(line));
    // What was printed while we were writing is neither the one nor the other.
    if (!isThere || !this.known || works !== this.#works) return undefined;
    const retired = this.#plane.retired;
    const changed = this.#inspection.difference(listing, {
      fingerprint: what === 'all' ? this.#fingerprint : undefined,
      chains: this.#table.chains(),
      retired,
    });
    return {changed, lines: listing.lines};
  }

  relearn(): void {
    this.#inspection.relearn();
  }

  isIntact(): Promise<boolean> {
    const {family, name} = this.#options;
    // A key that no Service has.
    const key = family === 'IPv4' ? '0.0.0.0 . tcp . 0' : ':: . tcp . 0';
    return this.#nft.hasMap(`${ipWord(family)} ${name}`, 'services', key);
  }

  services(): ReadonlyMap<string, string> {
    return this.#table.services();
  }

  #add(operations: readonly Operation[]): void {
    this.#fingerprint.follow(operations);
    for (const operation of operations) {
      this.#operations.push(operation);
      if (operation.do === 'fill-chain') this.#inspection.written();
    }
  }
}

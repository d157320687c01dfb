import type {Nft} from '../../edges/nft.ts';
import type {Changes, Committed, DataPlane} from '../plane.ts';
import {FamilyTable, type FamilyTableOptions} from '../table/family-table.ts';
import {ipWord, type Operation} from '../table/table.ts';
import {NftPlane} from './plane.ts';

/** The nftables mode: the flat table of one family, and nft that writes it. */
export class NftDataPlane implements DataPlane {
  readonly #table: FamilyTable;
  readonly #plane: NftPlane;
  readonly #nft: Pick<Nft, 'commit' | 'hasMap'>;
  readonly #options: FamilyTableOptions;
  #operations: Operation[] = [];

  constructor(options: FamilyTableOptions, nft: Pick<Nft, 'commit' | 'hasMap'>, monotonic: () => number) {
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

  commit(): Promise<Committed> {
    const operations = this.#operations;
    this.#operations = [];
    return this.#plane.commit(operations, () => this.#table.table());
  }

  get sweepInMs(): number | undefined {
    return this.#plane.sweepInMs;
  }

  sweep(): Promise<void> {
    return this.#plane.sweep();
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
    for (const operation of operations) this.#operations.push(operation);
  }
}

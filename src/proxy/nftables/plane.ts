import type {Nft} from '../../edges/nftables/nft.ts';
import type {Family} from '../../lib/addresses.ts';
import {ipWord, type Operation, type Table} from '../table/table.ts';
import {Clients} from './clients.ts';
import {
  chainRemovals,
  clientStatements,
  differenceStatements,
  removalStatements,
  replacingPortions,
  standInRemoval,
  tablePortions,
  tableStatements,
} from './text.ts';

/** Kernels before 6.2 need a moment until they see that an emptied chain is no longer referred to. */
const retiredMs = 1_000;
/** As many as five hundred Services have at the start: nft needs 6 MB for them, and 64 MB for ten thousand Services. */
const elementsPerPortion = 3_000;
/** nft needs 160 MB for them: fifty thousand Services of two endpoints, or five thousand of twenty. */
const mostAtOnce = 100_000;
/** Rules wait for it: nft begins anew when somebody changes something meanwhile. */
const listMs = 5_000;

/**
 * One family's table in the kernel. It is written, never read: either it is what was committed last, or it is unknown
 * (at the start, after a failure, after somebody else touched it) and the next commit replaces all of it.
 */
export class NftPlane {
  readonly #place: {readonly family: Family; readonly name: string};
  readonly #nft: Pick<Nft, 'commit' | 'hasMap' | 'list'>;
  readonly #monotonic: () => number;
  /** Emptied chains and since when. */
  readonly #retired = new Map<string, number>();
  #known = false;
  /** What another proxy has left beside the table is gone. */
  #isAlone = false;
  /** Counts what made the table unknown, so that a commit under way cannot make it known again. */
  #forgotten = 0;

  constructor(
    place: {readonly family: Family; readonly name: string},
    nft: Pick<Nft, 'commit' | 'hasMap' | 'list'>,
    monotonic: () => number,
  ) {
    this.#place = place;
    this.#nft = nft;
    this.#monotonic = monotonic;
  }

  get retired(): ReadonlySet<string> {
    return new Set(this.#retired.keys());
  }

  get known(): boolean {
    return this.#known;
  }

  /** The table may be anything now. */
  forget(): void {
    this.#known = false;
    this.#forgotten++;
  }

  /** Whether the kernel has the table, and the map that serves with it. @throws NodectlError ND712 when nobody knows */
  isIntact(): Promise<boolean> {
    const {family, name} = this.#place;
    // A key that no Service has.
    const key = family === 'IPv4' ? '0.0.0.0 . tcp . 0' : ':: . tcp . 0';
    return this.#nft.hasMap(`${ipWord(family)} ${name}`, 'services', key);
  }

  /**
   * Brings the kernel from the last committed table to the desired one. Rules that serve are replaced at once; where
   * there are none, the first Services need not wait for the last. `elements`: of the whole, as far as it is known.
   */
  async commit(
    operations: readonly Operation[],
    whole: Table,
    elements = 0,
  ): Promise<'nothing' | 'partial' | 'full'> {
    if (!this.#known) {
      await this.#run(await this.#transactions(whole, elements));
      this.#retired.clear();
      return 'full';
    }
    if (operations.length === 0) return 'nothing';
    const {statements, retire} = differenceStatements(this.#place, operations);
    await this.#run([statements]);
    for (const operation of operations)
      if (operation.do === 'add-chain') this.#retired.delete(operation.chain.name);
    for (const chain of retire) this.#retired.set(chain, this.#monotonic());
    return 'partial';
  }

  async #transactions(whole: Table, elements: number): Promise<Iterable<readonly string[]>> {
    const last = this.#isAlone ? [] : standInRemoval(this.#place);
    if (!(await this.isIntact())) return followed(tablePortions(whole, elementsPerPortion), last);
    if (elements > mostAtOnce) return replacingPortions(whole, elementsPerPortion);
    return [[...tableStatements(whole), ...clientStatements(whole, await this.#clients(whole)), ...last]];
  }

  /** Those whom the table that is replaced knows; nobody where they cannot be read. */
  async #clients(whole: Table): Promise<ReadonlyMap<string, readonly string[]>> {
    const {family, name} = this.#place;
    const wanted = new Set([...whole.containers()].flatMap((set) => (set.dynamic ? [set.name] : [])));
    const clients = new Clients(wanted);
    if (wanted.size === 0) return clients.found;
    const signal = AbortSignal.timeout(listMs);
    const read = (line: string) => clients.line(line);
    return this.#nft.list(`${ipWord(family)} ${name}`, 'sets', read, signal).then(
      () => clients.found,
      () => new Map(),
    );
  }

  /** Milliseconds until emptied chains can be deleted; undefined when there are none. */
  get sweepInMs(): number | undefined {
    const oldest = Math.min(...this.#retired.values());
    return this.#retired.size === 0 ? undefined : Math.max(0, oldest + retiredMs - this.#monotonic());
  }

  /** Deletes chains that have been empty for long enough, in a transaction of their own: its failure harms nobody. */
  async sweep(): Promise<void> {
    const due = this.#monotonic() - retiredMs;
    const chains = [...this.#retired].filter(([, since]) => since <= due).map(([name]) => name);
    if (!this.#known || chains.length === 0) return;
    try {
      await this.#nft.commit(chainRemovals(this.#place, chains));
      for (const chain of chains) this.#retired.delete(chain);
    } catch (error) {
      for (const chain of chains) this.#retired.set(chain, this.#monotonic());
      throw error;
    }
  }

  async remove(): Promise<void> {
    this.#known = false;
    await this.#nft.commit(removalStatements(this.#place));
  }

  async #run(transactions: Iterable<readonly string[]>): Promise<void> {
    const forgotten = this.#forgotten;
    this.#known = false;
    for (const statements of transactions) await this.#nft.commit(statements);
    this.#isAlone = true;
    this.#known = forgotten === this.#forgotten;
  }
}

function* followed(
  transactions: Iterable<readonly string[]>,
  last: readonly string[],
): Iterable<readonly string[]> {
  yield* transactions;
  if (last.length > 0) yield last;
}

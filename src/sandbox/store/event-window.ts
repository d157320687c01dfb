import type {Obj} from '../contract.ts';

export type Entry = {readonly object: Obj; readonly json: string; readonly revision: number};

/** A committed change: what was before, what is now. One of them is always there. */
export type Change = {
  readonly revision: number;
  readonly before: Entry | undefined;
  readonly now: Entry | undefined;
  /** The last state of a removed object, with the revision of its removal; only on removals. */
  readonly last: Entry | undefined;
  /** Encoded watch events, made once for all watchers that need the same bytes. */
  readonly encoded: Map<string, Buffer>;
};

/** The last changes of one collection, for watches that start in the past. */
export class EventWindow {
  readonly #limit: number;
  #changes: Change[] = [];
  #since: number;

  /** Changes after `since` are known. */
  constructor(since: number, limit: number) {
    this.#since = since;
    this.#limit = limit;
  }

  add(change: Change): void {
    this.#changes.push(change);
    if (this.#changes.length < this.#limit * 2) return;
    // Dropping half at once keeps adding cheap.
    this.#since = this.#changes[this.#limit - 1]?.revision ?? this.#since;
    this.#changes = this.#changes.slice(this.#limit);
  }

  /** Changes after a revision, or undefined when some of them are forgotten. */
  after(revision: number): readonly Change[] | undefined {
    if (revision < this.#since) return undefined;
    let [low, high] = [0, this.#changes.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#changes[middle]?.revision ?? 0) <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#changes.slice(low);
  }
}

/** Tables that somebody else may have changed, and when that was heard last. */
export class Suspects<T> {
  readonly #heardMs = new Map<T, number>();

  heard(table: T, nowMs: number): void {
    this.#heardMs.set(table, nowMs);
  }

  /** It was repaired, and is looked at once more whatever happens. */
  verify(table: T): void {
    this.#heardMs.set(table, Number.POSITIVE_INFINITY);
  }

  /** Whatever was heard before we began to write the whole table was done to one that is no more. */
  has(table: T, writtenMs: number): boolean {
    const heardMs = this.#heardMs.get(table);
    return heardMs !== undefined && heardMs >= writtenMs;
  }

  /** A listing that began then was conclusive. */
  seen(table: T, startMs: number): void {
    const heardMs = this.#heardMs.get(table);
    if (heardMs === Number.POSITIVE_INFINITY || (heardMs ?? startMs) <= startMs) this.#heardMs.delete(table);
  }
}

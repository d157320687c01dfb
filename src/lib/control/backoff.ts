/** Exponential delays per key, as data: next failure doubles up to `maxMs`; a quiet `resetAfterMs` starts again. */
export type BackoffOptions = {
  readonly firstMs: number;
  readonly maxMs: number;
  readonly resetAfterMs?: number;
};

type Entry = {delayMs: number; atMs: number};

export class Backoff {
  readonly #options: BackoffOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** Notes a failure at `nowMs` and returns the delay before the next try. */
  fail(key: string, nowMs: number): number {
    const {firstMs, maxMs} = this.#options;
    const last = this.#entries.get(key);
    const resetAfterMs = this.#options.resetAfterMs ?? maxMs * 2;
    const fresh = last === undefined || nowMs - last.atMs > resetAfterMs + last.delayMs;
    const delayMs = fresh ? firstMs : Math.min(last.delayMs * 2, maxMs);
    this.#entries.set(key, {delayMs, atMs: nowMs});
    return delayMs;
  }

  /** Milliseconds that `key` must still wait at `nowMs`; 0 when it may run. */
  remaining(key: string, nowMs: number): number {
    const entry = this.#entries.get(key);
    return entry === undefined ? 0 : Math.max(0, entry.atMs + entry.delayMs - nowMs);
  }

  succeed(key: string): void {
    this.#entries.delete(key);
  }

  /** Forgets keys whose quiet time has passed, so that the table cannot grow for ever. */
  sweep(nowMs: number): void {
    const quietMs = this.#options.resetAfterMs ?? this.#options.maxMs * 2;
    for (const [key, entry] of this.#entries)
      if (nowMs - entry.atMs > quietMs + entry.delayMs) this.#entries.delete(key);
  }
}

/** A delay spread over [ms/2, ms), from a random number in [0, 1). */
export function jittered(ms: number, random: number): number {
  return ms / 2 + (ms / 2) * random;
}

import type {Clock} from '../../../../src/lib/time.ts';

/** Goes on when it is told to. */
export class HandClock implements Clock {
  #nowMs = 0;
  readonly #timers = new Map<() => void, number>();
  now = () => this.#nowMs;
  monotonic = () => this.#nowMs;

  after(ms: number, fn: () => void) {
    this.#timers.set(fn, this.#nowMs + ms);
    return () => void this.#timers.delete(fn);
  }

  pass(ms: number): void {
    this.#nowMs += ms;
    for (const [fn, atMs] of [...this.#timers]) if (atMs <= this.#nowMs && this.#timers.delete(fn)) fn();
  }
}

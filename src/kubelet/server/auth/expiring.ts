import type {Clock} from '../../../lib/time.ts';

/** Answers that are remembered for a time; equal questions at the same moment are asked once. */
export class Expiring<T> {
  readonly #clock: Clock;
  readonly #max: number;
  readonly #known = new Map<string, {readonly value: T; readonly untilMs: number}>();
  readonly #asking = new Map<string, Promise<T>>();

  constructor(clock: Clock, max: number) {
    this.#clock = clock;
    this.#max = max;
  }

  /** A thrown error is not remembered. */
  async get(key: string, ttlMs: (value: T) => number, ask: () => Promise<T>): Promise<T> {
    const known = this.#known.get(key);
    if (known !== undefined && known.untilMs > this.#clock.monotonic()) return known.value;
    const running = this.#asking.get(key);
    if (running !== undefined) return running;
    const asking = ask()
      .then((value) => this.#remember(key, value, ttlMs(value)))
      .finally(() => this.#asking.delete(key));
    this.#asking.set(key, asking);
    return asking;
  }

  #remember(key: string, value: T, ttlMs: number): T {
    this.#known.delete(key);
    this.#known.set(key, {value, untilMs: this.#clock.monotonic() + ttlMs});
    const [oldest] = this.#known.keys();
    if (this.#known.size > this.#max && oldest !== undefined) this.#known.delete(oldest);
    return value;
  }
}

import type {OtherProxy} from '../edges/nftables/other-proxy.ts';
import {describeError} from '../lib/errors.ts';
import type {Logger} from '../lib/log.ts';
import type {Cancel, Clock} from '../lib/time.ts';

type Options = {
  readonly look: () => Promise<OtherProxy | undefined>;
  readonly clock: Clock;
  readonly periodMs: number;
  readonly log: Logger;
};

/** So many looks in a row must agree: one that is just being restarted neither comes nor goes. */
const looks = 2;

/** Whether another service proxy serves here: never two, because packets would meet the rules of both. */
export class Rivals {
  readonly #options: Options;
  #current: OtherProxy | undefined;
  #changed = new AbortController();
  #otherwise = 0;
  #stopped = false;
  #cancel: Cancel = () => {};

  constructor(options: Options) {
    this.#options = options;
    this.#later();
  }

  /** Who serves in our place; undefined while it is for us to serve. */
  get current(): OtherProxy | undefined {
    return this.#current;
  }

  /** Aborts when `current` becomes another. */
  get changed(): AbortSignal {
    return this.#changed.signal;
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  #later(): void {
    const {clock, periodMs} = this.#options;
    this.#cancel = clock.after(periodMs, () => void this.#look());
  }

  async #look(): Promise<void> {
    try {
      this.#saw(await this.#options.look());
    } catch (error) {
      this.#options.log.debug('other service proxies cannot be looked for', {error: describeError(error)});
    }
    if (!this.#stopped) this.#later();
  }

  #saw(found: OtherProxy | undefined): void {
    this.#otherwise = (found === undefined) === (this.#current === undefined) ? 0 : this.#otherwise + 1;
    if (this.#otherwise < looks) return;
    this.#otherwise = 0;
    this.#current = found;
    const before = this.#changed;
    this.#changed = new AbortController();
    before.abort(new Error('another service proxy came or went'));
  }
}

import type {Clock} from '../../lib/time.ts';

/** Who goes first when a place is free: a pod that is half made (or half ended) before one that is not begun. */
export type Lane = 'finish' | 'begin';

/** What takes longer waits for something else than the processor: others have its place then. */
const patienceMs = 10_000;

/**
 * Bounds how many pods are started, or ended, at the same time. That is bound by the processor: a few at a time are
 * done sooner, each and all together, than all at once. A network plugin that hangs holds up nobody for long.
 */
export class StartLimit {
  readonly #places: number;
  readonly #clock: Clock;
  readonly #waiting: Record<Lane, (() => void)[]> = {finish: [], begin: []};
  #used = 0;

  constructor(places: number, clock: Clock) {
    this.#places = places;
    this.#clock = clock;
  }

  /** Does `work` when there is a place; gives up waiting when the signal says so. */
  async run<T>(lane: Lane, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#enter(lane, signal);
    let held = true;
    const leave = () => {
      if (held) this.#leave();
      held = false;
    };
    const cancel = this.#clock.after(patienceMs, leave);
    try {
      return await work();
    } finally {
      cancel();
      leave();
    }
  }

  #enter(lane: Lane, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#used < this.#places) {
      this.#used++;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const queue = this.#waiting[lane];
      const wake = () => {
        signal.removeEventListener('abort', giveUp);
        resolve();
      };
      const giveUp = () => {
        queue.splice(queue.indexOf(wake), 1);
        reject(signal.reason);
      };
      queue.push(wake);
      signal.addEventListener('abort', giveUp, {once: true});
    });
  }

  /** The place goes straight to the next one; it is never free in between. */
  #leave(): void {
    const next = this.#waiting.finish.shift() ?? this.#waiting.begin.shift();
    if (next === undefined) this.#used--;
    else next();
  }
}

/** Who goes first when a place is free: a pod that is half made before one that is not begun. */
export type Lane = 'finish' | 'begin';

/**
 * Bounds how many pods are started at the same time. Starting is bound by the processor: a few at a time end sooner,
 * each and all together, than all at once.
 */
export class StartLimit {
  readonly #places: number;
  readonly #waiting: Record<Lane, (() => void)[]> = {finish: [], begin: []};
  #used = 0;

  constructor(places: number) {
    this.#places = places;
  }

  /** Does `work` when there is a place; gives up waiting when the signal says so. */
  async run<T>(lane: Lane, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#enter(lane, signal);
    try {
      return await work();
    } finally {
      this.#leave();
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

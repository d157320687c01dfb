export type BatchOptions<T> = {
  /** So many works go on at a time. */
  readonly lanes: number;
  /** Does all of them; returns what went wrong with each, undefined for what is done. */
  readonly work: (items: readonly T[]) => Promise<readonly unknown[]>;
};

type Waiting<T> = {readonly item: T; readonly resolve: () => void; readonly reject: (error: unknown) => void};

/** What is asked for while others are at work is done together by the next: one wish alone never waits. */
export class Batch<T> {
  readonly #options: BatchOptions<T>;
  #waiting: Waiting<T>[] = [];
  #running = 0;

  constructor(options: BatchOptions<T>) {
    this.#options = options;
  }

  add(item: T): Promise<void> {
    const {promise, resolve, reject} = Promise.withResolvers<void>();
    this.#waiting.push({item, resolve, reject});
    if (this.#running < this.#options.lanes) void this.#drain();
    return promise;
  }

  async #drain(): Promise<void> {
    this.#running++;
    while (this.#waiting.length > 0) {
      const taken = this.#waiting;
      this.#waiting = [];
      await this.#do(taken);
    }
    this.#running--;
  }

  async #do(taken: readonly Waiting<T>[]): Promise<void> {
    try {
      const faults = await this.#options.work(taken.map(({item}) => item));
      for (const [at, {resolve, reject}] of taken.entries()) {
        const fault = faults[at];
        if (fault === undefined) resolve();
        else reject(fault);
      }
    } catch (error) {
      for (const {reject} of taken) reject(error);
    }
  }
}

/** Work of many, so much of it at a time, in the order it was asked for. */
export class Lanes {
  readonly #waiting: (() => void)[] = [];
  #free: number;

  constructor(count: number) {
    this.#free = count;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }
}

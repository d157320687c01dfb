import type {Taken, Trigger} from './caches.ts';
import type {ServiceSource} from './table/family-table.ts';

/** So many are decided at once: a commit that is on its way has to be fed meanwhile, and whoever asks for the health answered. */
const step = 50;

type Filling = {
  /** As long as this runs; to its end without it. */
  readonly during?: Promise<unknown>;
  /** At most so many. */
  readonly limit: number;
  readonly isMore: () => boolean;
  readonly decide: (limit: number) => Taken;
};

/** What has been decided before its turn, while the kernel reads another portion of a large change. */
export class Ahead {
  #sources = new Map<string, ServiceSource>();
  #triggers: Trigger[] = [];
  #isEmpty = true;

  get size(): number {
    return this.#sources.size;
  }

  get isEmpty(): boolean {
    return this.#isEmpty;
  }

  /** All of it, with what is decided now. */
  take(now: Taken): Taken {
    if (this.#isEmpty) return now;
    this.#add(now);
    const all = {sources: this.#sources, triggers: this.#triggers};
    this.#sources = new Map();
    this.#triggers = [];
    this.#isEmpty = true;
    return all;
  }

  async fill({during, limit, isMore, decide}: Filling): Promise<void> {
    let isOver = false;
    const end = () => {
      isOver = true;
    };
    during?.then(end, end);
    while (this.size < limit && isMore()) {
      await new Promise((resolve) => setImmediate(resolve));
      if (isOver) return;
      this.#add(decide(step));
    }
  }

  /** Of a Service that was there before this is what it is now. */
  #add({sources, triggers}: Taken): void {
    for (const [key, source] of sources) this.#sources.set(key, source);
    this.#triggers.push(...triggers);
    this.#isEmpty = false;
  }
}

import type {Taken} from './caches.ts';

/** So many are decided at once while a commit is on its way, which has to be fed meanwhile. */
const step = 50;

type Filling = {
  /** As long as this runs. */
  readonly during: Promise<unknown>;
  /** At most so many. */
  readonly limit: number;
  readonly isMore: () => boolean;
  readonly decide: (limit: number) => Taken;
};

/** What has been decided before its turn, while the kernel reads another portion of a large change. */
export class Ahead {
  #taken: Taken | undefined;

  get size(): number {
    return this.#taken?.sources.size ?? 0;
  }

  get isEmpty(): boolean {
    return this.#taken === undefined;
  }

  /** All of it, with what is decided now. */
  take(now: Taken): Taken {
    const all = together(this.#taken, now);
    this.#taken = undefined;
    return all;
  }

  async fill({during, limit, isMore, decide}: Filling): Promise<void> {
    let isOver = false;
    const end = () => {
      isOver = true;
    };
    during.then(end, end);
    while (this.size < limit && isMore()) {
      await new Promise((resolve) => setImmediate(resolve));
      if (isOver) return;
      this.#taken = together(this.#taken, decide(step));
    }
  }
}

/** Of a Service that is in both the second is what it is now. */
function together(first: Taken | undefined, second: Taken): Taken {
  if (first === undefined) return second;
  return {
    sources: new Map([...first.sources, ...second.sources]),
    triggers: [...first.triggers, ...second.triggers],
  };
}

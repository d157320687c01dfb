import {createInterface} from 'node:readline';
import {start} from '../../../src/edges/process/exec.ts';
import type {Netns} from '../../integration/support/netns.ts';
import {until} from '../../integration/support/wait.ts';

type Awaited = {readonly object: string; readonly seen: (atMs: number) => void};

/** What the kernel has not told of by then was lost on the way: nft's monitor can be overrun. */
const lostMs = 30_000;

/**
 * Hears when an address gets into any rule or map of a namespace, as the kernel tells it. Begun before there is anything:
 * the monitor reads every element first, which costs the kernel a minute and more where there are a million.
 */
export class KernelEvents {
  readonly #netns: Netns;
  readonly #child;
  readonly #awaited = new Map<string, Awaited>();
  #pokes = 0;
  /** The last poke that was heard. */
  #told = 0;

  private constructor(netns: Netns) {
    this.#netns = netns;
    this.#child = start('nsenter', [`--net=${netns.path}`, 'nft', 'monitor']);
    createInterface({input: this.#child.stdout}).on('line', (line) => {
      if (!line.startsWith('add')) return;
      this.#told = Number(/^add table ip poke-(\d+)/.exec(line)?.[1] ?? this.#told);
      for (const [address] of line.matchAll(/\b10\.2\d\d\.\d+\.\d+\b/g)) this.#take(address);
    });
  }

  static async begin(netns: Netns): Promise<KernelEvents> {
    const events = new KernelEvents(netns);
    await events.#hears();
    return events;
  }

  /** Costs nothing meanwhile; of what happens the first 16 MB are kept, with the names of all sets. */
  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  /** Until it has told of everything that it has heard. */
  async resume(): Promise<void> {
    this.#child.kill('SIGCONT');
    await this.#hears();
  }

  async #hears(): Promise<void> {
    const first = this.#pokes + 1;
    await until(
      'the monitor',
      async () => {
        const table = `table ip poke-${++this.#pokes}`;
        await this.#netns.run('nft', [`add ${table}; delete ${table}`]);
        return this.#told >= first;
      },
      {timeoutMs: 120_000, everyMs: 100},
    );
  }

  /**
   * Milliseconds (performance.now) at which the address, or one that came later in its object's place, was there:
   * changes that come together reach the kernel as one. Infinity for one that never did.
   */
  seen(address: string, object: string): Promise<number> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(Number.POSITIVE_INFINITY), lostMs);
      const seen = (atMs: number) => {
        clearTimeout(timer);
        resolve(atMs);
      };
      this.#awaited.set(address, {object, seen});
    });
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#child;
  }

  #take(address: string): void {
    const taken = this.#awaited.get(address);
    if (taken === undefined) return;
    const nowMs = performance.now();
    for (const [earlier, {object, seen}] of this.#awaited) {
      if (object !== taken.object) continue;
      this.#awaited.delete(earlier);
      seen(nowMs);
      if (earlier === address) return;
    }
  }
}

/** An address of its own for the n-th change. */
export function mark(n: number): string {
  return `10.${200 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`;
}

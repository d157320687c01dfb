import {createInterface} from 'node:readline';
import {start} from '../../../src/edges/process/exec.ts';
import type {Netns} from '../../integration/support/netns.ts';

type Awaited = {readonly object: string; readonly seen: (atMs: number) => void};

/** What the kernel has not told of by then was lost on the way: nft's monitor can be overrun. */
const lostMs = 30_000;

/** Hears when an address gets into any rule or map of a namespace, as the kernel tells it. */
export class KernelEvents {
  readonly #child;
  readonly #awaited = new Map<string, Awaited>();
  #generation: (() => void)[] = [];

  constructor(netns: Netns) {
    this.#child = start('nsenter', [`--net=${netns.path}`, 'nft', 'monitor']);
    createInterface({input: this.#child.stdout}).on('line', (line) => {
      if (line.startsWith('# new generation')) for (const wake of this.#generation.splice(0)) wake();
      else if (line.startsWith('add'))
        for (const [address] of line.matchAll(/\b10\.2\d\d\.\d+\.\d+\b/g)) this.#take(address);
    });
  }

  /** Until any transaction. */
  generation(): Promise<void> {
    return new Promise((resolve) => this.#generation.push(resolve));
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

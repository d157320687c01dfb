import {createInterface} from 'node:readline';
import {start} from '../../../src/edges/exec.ts';
import type {Netns} from '../../integration/support/netns.ts';

/** Hears when an address gets into any rule or map of a namespace, as the kernel tells it. */
export class KernelEvents {
  readonly #child;
  readonly #awaited = new Map<string, () => void>();
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

  /** Milliseconds (performance.now) at which the address was there. */
  seen(address: string): Promise<number> {
    return new Promise((resolve) => this.#awaited.set(address, () => resolve(performance.now())));
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#child;
  }

  #take(address: string): void {
    this.#awaited.get(address)?.();
    this.#awaited.delete(address);
  }
}

/** An address of its own for the n-th change. */
export function mark(n: number): string {
  return `10.${200 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`;
}

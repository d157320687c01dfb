import type {CgroupSample} from '../../edges/cgroups/cgroup-sample.ts';
import type {Measured} from './types.ts';

type Last = {readonly timeMs: number; readonly usageNs: number; readonly nanoCores: number | undefined};

/** Two readings that are nearer to each other say little. */
const leastMs = 1_000;

/** Turns counters into rates, by cgroup. */
export class CpuRates {
  #last = new Map<string, Last>();
  #next = new Map<string, Last>();

  measure(key: string, timeMs: number, sample: CgroupSample): Measured {
    const nanoCores = this.note(key, timeMs, sample.cpu?.usageNs ?? 0);
    return {timeMs, sample, ...(nanoCores === undefined ? {} : {nanoCores})};
  }

  /** How fast the counter has grown since it was read before; undefined at the first time. */
  note(key: string, timeMs: number, usageNs: number): number | undefined {
    const last = this.#last.get(key);
    const elapsedMs = last === undefined ? 0 : timeMs - last.timeMs;
    if (last !== undefined && elapsedMs < leastMs) {
      this.#next.set(key, last);
      return last.nanoCores;
    }
    // A counter that has fallen is another cgroup's of the same name.
    const fell = last === undefined || usageNs < last.usageNs;
    const nanoCores = fell ? undefined : Math.round(((usageNs - last.usageNs) * 1000) / elapsedMs);
    this.#next.set(key, {timeMs, usageNs, nanoCores});
    return nanoCores;
  }

  /** Not read this time, and not to be forgotten. */
  keep(key: string): void {
    const last = this.#last.get(key);
    if (last !== undefined) this.#next.set(key, last);
  }

  /** The end of a reading: what was not measured in it is forgotten. */
  turn(): void {
    this.#last = this.#next;
    this.#next = new Map();
  }
}

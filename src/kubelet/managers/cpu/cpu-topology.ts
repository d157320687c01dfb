import type {Cpu} from '../../../edges/machine/machine-topology.ts';
import {type CpuSet, sorted} from '../../../lib/cpu-set.ts';

type Level = 'core' | 'socket' | 'node' | 'uncore';

/** Processors by where they are (cpumanager/topology, CPUDetails). */
export class CpuDetails {
  readonly #cpus: readonly Cpu[];

  constructor(cpus: readonly Cpu[]) {
    this.#cpus = cpus;
  }

  get size(): number {
    return this.#cpus.length;
  }

  all(): CpuSet {
    return new Set(this.#cpus.map(({id}) => id));
  }

  find(id: number): Cpu | undefined {
    return this.#cpus.find((cpu) => cpu.id === id);
  }

  only(cpus: CpuSet): CpuDetails {
    return new CpuDetails(this.#cpus.filter(({id}) => cpus.has(id)));
  }

  /** Processors in any of these cores, sockets, … */
  within(level: Level, ...ids: readonly number[]): CpuSet {
    return new Set(this.#cpus.filter((cpu) => ids.includes(cpu[level])).map(({id}) => id));
  }

  /** The cores, sockets, … that there are, or those of them in one place. */
  names(level: Level, place?: {readonly level: Level; readonly ids: readonly number[]}): number[] {
    const cpus = this.#cpus.filter((cpu) => place === undefined || place.ids.includes(cpu[place.level]));
    return sorted(new Set(cpus.map((cpu) => cpu[level])));
  }
}

export type CpuTopology = {
  readonly details: CpuDetails;
  readonly sockets: number;
  readonly nodes: number;
  readonly cpusPerCore: number;
  readonly cpusPerSocket: number;
  readonly cpusPerUncore: number;
};

export function cpuTopology(cpus: readonly Cpu[]): CpuTopology {
  const details = new CpuDetails(cpus);
  const per = (level: Level): number => Math.floor(cpus.length / Math.max(1, details.names(level).length));
  return {
    details,
    sockets: details.names('socket').length,
    nodes: details.names('node').length,
    cpusPerCore: per('core'),
    cpusPerSocket: per('socket'),
    cpusPerUncore: per('uncore'),
  };
}

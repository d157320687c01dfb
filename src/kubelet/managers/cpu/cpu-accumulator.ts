import {type CpuSet, sorted} from '../../../lib/cpu-set.ts';
import type {CpuDetails, CpuTopology} from './cpu-topology.ts';

type Level = 'core' | 'socket' | 'node' | 'uncore';

/** Takes processors out of those that are free, whole parts of the machine first (cpumanager/cpu_assignment.go). */
export class CpuAccumulator {
  readonly taken = new Set<number>();
  readonly #topology: CpuTopology;
  #free: CpuDetails;
  #needed: number;

  constructor(topology: CpuTopology, available: CpuSet, needed: number) {
    this.#topology = topology;
    this.#free = topology.details.only(available);
    this.#needed = needed;
  }

  get needed(): number {
    return this.#needed;
  }

  get free(): CpuDetails {
    return this.#free;
  }

  isSatisfied(): boolean {
    return this.#needed < 1;
  }

  isFailed(): boolean {
    return this.#needed > this.#free.size;
  }

  take(cpus: Iterable<number>): void {
    for (const cpu of cpus) {
      this.taken.add(cpu);
      this.#needed--;
    }
    this.#free = this.#free.only(new Set([...this.#free.all()].filter((cpu) => !this.taken.has(cpu))));
  }

  /** NUMA nodes before sockets where they are the larger ones. */
  takeFullPlaces(): void {
    for (const level of this.#nodesFirst() ? (['node', 'socket'] as const) : (['socket', 'node'] as const)) {
      this.#takeFull(level, this.#sortedPlaces(level));
      if (this.isSatisfied()) return;
    }
  }

  takeFullCores(): void {
    this.#takeFull('core', this.#sortedCores());
  }

  takeRemaining(strategy: 'packed' | 'spread'): void {
    for (const cpu of strategy === 'packed' ? this.#packed() : this.#spread()) {
      this.take([cpu]);
      if (this.isSatisfied()) return;
    }
  }

  takeUncoreCaches(): void {
    for (const uncore of this.#sortedUncores()) {
      if (this.#needed >= this.#topology.cpusPerUncore) this.#takeFull('uncore', this.#sortedUncores());
      if (this.isSatisfied()) return;
      this.#takePartialUncore(uncore);
      if (this.isSatisfied()) return;
    }
  }

  /** NUMA nodes that have free processors, in the order in which they are taken from. */
  nodes(): number[] {
    return this.#sortedPlaces('node');
  }

  #nodesFirst(): boolean {
    return this.#topology.sockets >= this.#topology.nodes;
  }

  #takeFull(level: Level, ids: readonly number[]): void {
    const {details, cpusPerCore, cpusPerSocket} = this.#topology;
    for (const id of ids) {
      const whole = details.within(level, id);
      const full = level === 'core' ? cpusPerCore : level === 'socket' ? cpusPerSocket : whole.size;
      if (this.#free.within(level, id).size !== full) continue;
      if (this.#needed >= whole.size) this.take(whole);
    }
  }

  /** All processors that are still needed, from one cache, or none. */
  #takePartialUncore(uncore: number): void {
    const {cpusPerCore} = this.#topology;
    const wanted = Math.ceil(this.#needed / cpusPerCore);
    const cores = this.#free.names('core', {level: 'uncore', ids: [uncore]}).slice(0, wanted);
    let cpus = sorted(this.#free.within('core', ...cores));
    if (this.#needed % 2 !== 0 && cpusPerCore > 1 && cpus.length > this.#needed) cpus = cpus.slice(0, -1);
    if (cpus.length === this.#needed) this.take(cpus);
  }

  /** Those with the fewest free processors first. */
  #sort(level: Level, ids: readonly number[]): number[] {
    const size = (id: number): number => this.#free.within(level, id).size;
    return [...ids].sort((a, b) => size(a) - size(b) || a - b);
  }

  #sortedPlaces(level: 'node' | 'socket'): number[] {
    const outer = this.#nodesFirst() ? 'node' : 'socket';
    const first = this.#sort(outer, this.#free.names(outer));
    if (level === outer) return first;
    return first.flatMap((id) => this.#sort(level, this.#free.names(level, {level: outer, ids: [id]})));
  }

  #sortedUncores(): number[] {
    const uncores = this.#sortedPlaces('node').flatMap((id) =>
      this.#sort('uncore', this.#free.names('uncore', {level: 'node', ids: [id]})),
    );
    return [...new Set(uncores)];
  }

  #sortedCores(): number[] {
    const inner = this.#nodesFirst() ? 'socket' : 'node';
    return this.#sortedPlaces(inner).flatMap((id) =>
      this.#sort('core', this.#free.names('core', {level: inner, ids: [id]})),
    );
  }

  #packed(): number[] {
    return this.#sortedCores().flatMap((core) => sorted(this.#free.within('core', core)));
  }

  #spread(): number[] {
    return this.#sortedPlaces('socket').flatMap((socket) => sorted(this.#free.within('socket', socket)));
  }
}

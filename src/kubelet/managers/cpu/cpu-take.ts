import type {CpuOptions} from '../../../config/kubelet/rules/managers.ts';
import {type CpuSet, noCpus} from '../../../lib/cpu-set.ts';
import {CpuAccumulator} from './cpu-accumulator.ts';
import type {CpuTopology} from './cpu-topology.ts';

/**
 * So many of the available processors, as near to each other as they can be, or evenly from as few NUMA nodes as
 * possible where that is wished (cpumanager/cpu_assignment.go).
 * @throws when there are too few
 */
export function takeCpus(
  topology: CpuTopology,
  available: CpuSet,
  count: number,
  options: CpuOptions,
): CpuSet {
  if (!options.distributeAcrossNuma) return packed(topology, available, count, options);
  const group = options.fullPcpusOnly ? topology.cpusPerCore : 1;
  return distributed(topology, available, count, {group, options});
}

function packed(topology: CpuTopology, available: CpuSet, count: number, options: CpuOptions): CpuSet {
  const from = new CpuAccumulator(topology, available, count);
  if (from.isSatisfied()) return noCpus;
  if (from.isFailed()) throw tooFew(count, available);
  const spread = options.distributeAcrossCores;
  const steps = [
    () => from.takeFullPlaces(),
    ...(options.alignByUncoreCache ? [() => from.takeUncoreCaches()] : []),
    ...(spread ? [] : [() => from.takeFullCores()]),
    () => from.takeRemaining(spread ? 'spread' : 'packed'),
  ];
  for (const step of steps) {
    step();
    if (from.isSatisfied()) return from.taken;
  }
  throw new Error('failed to allocate cpus');
}

function tooFew(count: number, available: CpuSet): Error {
  return new Error(
    `not enough cpus available to satisfy request: requested=${count}, available=${available.size}`,
  );
}

type Distribution = {readonly group: number; readonly options: CpuOptions};

/** KEP-2902: the same number from each of as few nodes as possible, so that what is left is balanced best. */
function distributed(
  topology: CpuTopology,
  available: CpuSet,
  count: number,
  {group, options}: Distribution,
): CpuSet {
  const plain = {...options, alignByUncoreCache: false};
  if (count % group !== 0) return packed(topology, available, count, plain);
  const from = new CpuAccumulator(topology, available, count);
  if (from.isSatisfied()) return noCpus;
  if (from.isFailed()) throw tooFew(count, available);
  const nodes = from.nodes();
  const free = new Map(nodes.map((node) => [node, from.free.within('node', node).size]));
  const [least, most] = nodesNeeded(topology, nodes.length, count, group);
  for (let size = least; size <= most; size++) {
    const best = bestSplit(free, nodes, {size, count, group});
    if (best === undefined) continue;
    const take = (node: number, amount: number) =>
      from.take(packed(topology, from.free.within('node', node), amount, plain));
    for (const node of best.nodes) take(node, best.each);
    for (let left = count - best.each * best.nodes.length; left > 0; )
      for (const node of best.remainder) {
        if (left === 0) break;
        if (from.free.within('node', node).size < group) continue;
        take(node, group);
        left -= group;
      }
    if (from.needed !== 0) throw new Error(`accounting error, remaining: ${from.needed}`);
    return from.taken;
  }
  return packed(topology, available, count, plain);
}

function nodesNeeded(
  topology: CpuTopology,
  available: number,
  count: number,
  group: number,
): readonly [least: number, most: number] {
  const groups = Math.floor((topology.details.size - 1) / group) + 1;
  const perNode = Math.floor((groups - 1) / Math.max(1, topology.nodes)) + 1;
  const needed = Math.floor((count - 1) / group) + 1;
  return [Math.floor((needed - 1) / perNode) + 1, Math.min(needed, available)];
}

type Split = {
  readonly nodes: readonly number[];
  /** So many processors from each node. */
  readonly each: number;
  /** Nodes that the rest comes from. */
  readonly remainder: readonly number[];
};

type Wanted = {readonly size: number; readonly count: number; readonly group: number};

function bestSplit(
  free: ReadonlyMap<number, number>,
  nodes: readonly number[],
  {size, count, group}: Wanted,
): Split | undefined {
  const each = Math.floor(count / size / group) * group;
  let best: (Split & {readonly balance: number}) | undefined;
  for (const combination of combinations(nodes, size)) {
    if (best?.balance === 0) break;
    const sizes = combination.map((node) => free.get(node) ?? 0);
    const groups = sizes.reduce((sum, cpus) => sum + Math.floor(cpus / group), 0);
    if (groups * group < count || sizes.some((cpus) => cpus < each)) continue;
    const after = new Map(
      nodes.map((node) => [node, (free.get(node) ?? 0) - (combination.includes(node) ? each : 0)]),
    );
    const rest = bestRemainder(after, combination, count - each * size, group);
    if (rest === undefined || (best !== undefined && rest.balance >= best.balance)) continue;
    best = {nodes: combination, each, remainder: rest.nodes, balance: rest.balance};
  }
  return best;
}

function bestRemainder(
  after: ReadonlyMap<number, number>,
  combination: readonly number[],
  remainder: number,
  group: number,
): {readonly nodes: readonly number[]; readonly balance: number} | undefined {
  if (remainder === 0) return {nodes: [], balance: deviation([...after.values()])};
  const able = combination.filter((node) => (after.get(node) ?? 0) >= group);
  let best: {readonly nodes: readonly number[]; readonly balance: number} | undefined;
  for (let size = able.length; size >= 1; size--)
    for (const subset of combinations(able, size)) {
      const left = withoutRemainder(after, subset, remainder, group);
      if (left === undefined) continue;
      const balance = deviation(left);
      if (best === undefined || balance < best.balance) best = {nodes: subset, balance};
    }
  return best;
}

function withoutRemainder(
  after: ReadonlyMap<number, number>,
  subset: readonly number[],
  remainder: number,
  group: number,
): readonly number[] | undefined {
  const left = new Map(after);
  for (let rest = remainder; rest > 0; ) {
    const before = rest;
    for (const node of subset) {
      const cpus = left.get(node) ?? 0;
      if (rest === 0 || cpus < group) continue;
      left.set(node, cpus - group);
      rest -= group;
    }
    if (rest === before) return undefined;
  }
  return [...left.values()];
}

function* combinations(of: readonly number[], size: number, from = 0): Generator<number[]> {
  if (size === 0) {
    yield [];
    return;
  }
  for (const [at, item] of of.entries())
    if (at >= from && at <= of.length - size)
      for (const rest of combinations(of, size - 1, at + 1)) yield [item, ...rest];
}

/** To three digits, so that what is as good looks as good. */
function deviation(values: readonly number[]): number {
  const rounded = (value: number): number => Math.round(value * 1000) / 1000;
  const mean = rounded(values.reduce((sum, value) => sum + value, 0) / values.length);
  return rounded(Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length));
}

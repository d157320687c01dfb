import type {CpuOptions} from '../../../config/kubelet/rules/managers.ts';
import {qosClass} from '../../../config/pod/qos.ts';
import {
  type CpuSet,
  difference,
  formatCpuSet,
  intersection,
  isSameSet,
  noCpus,
  union,
} from '../../../lib/cpu-set.ts';
import type {Container, Pod} from '../../../lib/kubernetes.ts';
import {quantityMilli} from '../../../lib/quantity.ts';
import {type Hint, maskOf, masksOf, type NumaMask, nodesOf, sizeOf} from '../numa.ts';
import {AdmissionError} from '../types.ts';
import {type CpuState, emptyCpuState} from './cpu-state.ts';
import {takeCpus} from './cpu-take.ts';
import type {CpuTopology} from './cpu-topology.ts';

/** What the static policy works with. */
export type CpuPolicy = {
  readonly topology: CpuTopology;
  readonly options: CpuOptions;
  /** Never anybody's own. */
  readonly reserved: CpuSet;
};

/** @throws when the machine has not got what is to be reserved */
export function cpuPolicy(
  topology: CpuTopology,
  options: CpuOptions,
  reservedMilli: number,
  named: CpuSet,
): CpuPolicy {
  const all = topology.details.all();
  const missing = difference(named, all);
  if (missing.size > 0)
    throw new Error(
      `reserved-cpus: ${formatCpuSet(named)} is not a subset of online-cpus: ${formatCpuSet(all)}`,
    );
  const count = Math.ceil(reservedMilli / 1000);
  const reserved = named.size > 0 ? named : takeCpus(topology, all, Math.min(count, all.size), options);
  if (reserved.size !== count)
    throw new Error(
      `unable to reserve the required amount of CPUs (size of ${formatCpuSet(reserved)} did not equal ${count})`,
    );
  if (options.alignBySocket && topology.sockets > topology.nodes)
    throw new Error('align-by-socket is not compatible with hardware where sockets are more than NUMA nodes');
  return {topology, options, reserved};
}

/** What an earlier kubelet has left, if it fits this machine and this configuration; @throws where it does not */
export function validState({topology, options, reserved}: CpuPolicy, state: CpuState): CpuState {
  const all = topology.details.all();
  const {shared, assignments} = state;
  if (shared.size === 0) {
    if (assignments.size > 0) throw new Error('default cpuset cannot be empty');
    return {...emptyCpuState, shared: options.strictReservation ? difference(all, reserved) : all};
  }
  const inShared = intersection(reserved, shared);
  if (options.strictReservation && inShared.size > 0)
    throw new Error(
      `some of strictly reserved cpus: "${formatCpuSet(inShared)}" are present in defaultCpuSet: "${formatCpuSet(shared)}"`,
    );
  if (!options.strictReservation && inShared.size < reserved.size)
    throw new Error(
      `not all reserved cpus: "${formatCpuSet(reserved)}" are present in defaultCpuSet: "${formatCpuSet(shared)}"`,
    );
  for (const [uid, containers] of assignments)
    for (const [name, cpus] of containers)
      if (intersection(cpus, shared).size > 0)
        throw new Error(
          `pod: ${uid}, container: ${name} cpuset: "${formatCpuSet(cpus)}" overlaps with default cpuset "${formatCpuSet(shared)}"`,
        );
  const known = union(shared, ...ownSets(state));
  const available = options.strictReservation ? difference(all, reserved) : all;
  if (!isSameSet(known, available))
    throw new Error(
      `current set of available CPUs "${formatCpuSet(available)}" doesn't match with CPUs in state "${formatCpuSet(known)}"`,
    );
  return state;
}

function ownSets({assignments}: CpuState): CpuSet[] {
  return [...assignments.values()].flatMap((containers) => [...containers.values()]);
}

/** How many processors the container gets as its own: whole ones, of Guaranteed pods only. */
export function exclusiveCpus({spec}: Pod, {resources}: Container): number {
  // Pods whose resources are those of the whole pod share (PodLevelResourceManagers is off).
  if (spec.resources !== undefined || qosClass(spec) !== 'Guaranteed') return 0;
  const milli = quantityMilli(resources?.requests?.cpu ?? resources?.limits?.cpu);
  return milli % 1000 === 0 ? milli / 1000 : 0;
}

/** @throws when there are too few, or only parts of cores */
export function assignCpus(
  policy: CpuPolicy,
  state: CpuState,
  count: number,
  {affinity, reusable}: {readonly affinity: NumaMask | undefined; readonly reusable: CpuSet},
): CpuSet {
  const {topology, options, reserved} = policy;
  const available = union(difference(state.shared, reserved), reusable);
  const aligned = affinity === undefined ? noCpus : nearTo(policy, affinity, available);
  const near = takeCpus(topology, aligned, Math.min(count, aligned.size), options);
  const rest = takeCpus(topology, difference(available, near), count - near.size, options);
  return union(near, rest);
}

/** full-pcpus-only: cores are given away as a whole, or not at all. */
export function enforceCores(
  {topology, options, reserved}: CpuPolicy,
  {shared}: CpuState,
  count: number,
): void {
  if (!options.fullPcpusOnly) return;
  const {cpusPerCore, details} = topology;
  const refuse = (message: string) =>
    new AdmissionError('SMTAlignmentError', `SMT Alignment Error: ${message}`);
  if (count % cpusPerCore !== 0)
    throw refuse(`requested ${count} cpus not multiple cpus per core = ${cpusPerCore}`);
  const cores = [...reserved].map((cpu) => details.find(cpu)?.core ?? cpu);
  const physical = difference(shared, details.within('core', ...cores)).size;
  if (count > physical)
    throw refuse(
      `not enough free physical CPUs: available physical CPUs = ${physical}, requested CPUs = ${count}, CPUs per core = ${cpusPerCore}`,
    );
}

function nearTo({topology, options}: CpuPolicy, affinity: NumaMask, available: CpuSet): CpuSet {
  const {details} = topology;
  const nodes = nodesOf(affinity);
  if (!options.alignBySocket) return intersection(available, details.within('node', ...nodes));
  const sockets = details.names('socket', {level: 'node', ids: nodes});
  return intersection(available, details.within('socket', ...sockets));
}

export function cpuHints(policy: CpuPolicy, available: CpuSet, reusable: CpuSet, count: number): Hint[] {
  const {details} = policy.topology;
  const nodes = details.names('node');
  let smallest = nodes.length;
  const found: NumaMask[] = [];
  for (const mask of masksOf(nodes)) {
    const within = details.within('node', ...nodesOf(mask));
    if (within.size >= count) smallest = Math.min(smallest, sizeOf(mask));
    const again = intersection(reusable, within).size;
    if (again === reusable.size && again + intersection(available, within).size >= count) found.push(mask);
  }
  return found.map((affinity) => ({
    affinity,
    preferred: sizeOf(affinity) === smallest || isOnFewSockets(policy, affinity, smallest),
  }));
}

function isOnFewSockets({topology, options}: CpuPolicy, affinity: NumaMask, smallest: number): boolean {
  const nodesPerSocket = Math.floor(topology.nodes / topology.sockets);
  if (!options.alignBySocket || nodesPerSocket === 0) return false;
  const sockets = topology.details.names('socket', {level: 'node', ids: nodesOf(affinity)});
  return sockets.length === Math.ceil(smallest / nodesPerSocket);
}

/** Of processors, the NUMA nodes that they are on. */
export function nodesOfCpus({topology}: CpuPolicy, cpus: CpuSet): NumaMask {
  return maskOf([...cpus].map((cpu) => topology.details.find(cpu)?.node ?? 0));
}

import type {KubeletConfig} from '../../../config/kubelet.ts';
import {qosClass} from '../../../config/pod/qos.ts';
import type {NumaNode} from '../../../edges/machine/machine-topology.ts';
import type {Container, Pod} from '../../../lib/kubernetes.ts';
import {formatBytes, quantityValue} from '../../../lib/quantity.ts';
import {hugePageName, threshold} from '../../node/resources.ts';
import {type Hint, isNarrower, masksOf, type NumaMask, nodesOf, preferring, sizeOf} from '../numa.ts';
import type {MemoryBlock, MemoryNode, MemoryState} from './memory-state.ts';

/** Bytes by `memory` and `hugepages-<size>`. */
export type MemoryAmounts = Readonly<Record<string, number>>;

type Machine = MemoryState['machineState'];

/** Reservations of memory by NUMA node. */
type Reserved = Pick<KubeletConfig, 'reservedMemory' | 'kubeReserved' | 'systemReserved' | 'evictionHard'>;

/**
 * The machine with nothing given away.
 * @throws when what is reserved on the nodes is not what is reserved of the machine
 */
export function emptyMachine(nodes: readonly NumaNode[], config: Reserved): Machine {
  checkReservations(nodes, config);
  return Object.fromEntries(nodes.map((node) => [String(node.id), emptyNode(node, config)]));
}

function emptyNode({id, memoryBytes, hugePages}: NumaNode, config: Reserved): MemoryNode {
  const table = (name: string, total: number, usable: number) => {
    const systemReserved = reservedOn(config, name, id);
    const allocatable = Math.max(0, usable - systemReserved);
    return [name, {total, systemReserved, allocatable, reserved: 0, free: allocatable}] as const;
  };
  const huge = [...hugePages.values()].reduce((sum, bytes) => sum + bytes, 0);
  return {
    numberOfAssignments: 0,
    memoryMap: Object.fromEntries([
      ...[...hugePages].map(([size, bytes]) => table(hugePageName(size), bytes, bytes)),
      table('memory', memoryBytes, memoryBytes - huge),
    ]),
    cells: [id],
  };
}

function reservedOn({reservedMemory}: Reserved, name: string, node?: number): number {
  return reservedMemory
    .filter(({numaNode}) => node === undefined || numaNode === node)
    .reduce((sum, {limits}) => sum + quantityValue(limits[name]), 0);
}

function checkReservations(nodes: readonly NumaNode[], config: Reserved): void {
  const unknown = config.reservedMemory.find(({numaNode}) => nodes.every(({id}) => id !== numaNode));
  if (unknown !== undefined)
    throw new Error(
      `the reserved memory configuration references a NUMA node ${unknown.numaNode} that does not exist on this machine`,
    );
  const whole = nodes.reduce((sum, {memoryBytes}) => sum + memoryBytes, 0);
  const names = new Set([
    'memory',
    ...config.reservedMemory.flatMap(({limits}) => Object.keys(limits)),
    ...Object.keys({...config.kubeReserved, ...config.systemReserved}).filter((n) =>
      n.startsWith('hugepages-'),
    ),
  ]);
  for (const name of names) {
    const eviction = name === 'memory' ? threshold(config.evictionHard['memory.available'], whole) : 0;
    const node =
      quantityValue(config.kubeReserved[name]) + quantityValue(config.systemReserved[name]) + eviction;
    const given = reservedOn(config, name);
    if (given !== node)
      throw new Error(
        `the total amount "${formatBytes(given)}" of type "${name}" is not equal to the value "${formatBytes(node)}" determined by Node Allocatable feature`,
      );
  }
}

/** Memory that the container shall have as its own; none outside Guaranteed pods. */
export function exclusiveMemory({spec}: Pod, {resources}: Container): MemoryAmounts {
  if (spec.resources !== undefined || qosClass(spec) !== 'Guaranteed') return {};
  const asked = {...resources?.limits, ...resources?.requests};
  return Object.fromEntries(
    Object.entries(asked)
      .filter(([name]) => name === 'memory' || name.startsWith('hugepages-'))
      .map(([name, amount]) => [name, quantityValue(amount)]),
  );
}

function total(machine: Machine, mask: NumaMask, name: string, column: 'free' | 'allocatable'): number {
  return nodesOf(mask).reduce((sum, id) => sum + (machine[id]?.memoryMap[name]?.[column] ?? 0), 0);
}

export type Reusable = (mask: NumaMask, name: string) => number;

/** The sets of NUMA nodes that have room; a node is given away alone, or always with the same others. */
export function memoryHints(machine: Machine, amounts: MemoryAmounts, reusable: Reusable): Hint[] {
  const nodes = Object.keys(machine).map(Number);
  const wanted = Object.entries(amounts);
  let smallest = nodes.length;
  const found: NumaMask[] = [];
  for (const mask of masksOf(nodes)) {
    if (wanted.some(([name, bytes]) => total(machine, mask, name, 'allocatable') < bytes)) continue;
    smallest = Math.min(smallest, sizeOf(mask));
    const [first] = nodesOf(mask);
    if (sizeOf(mask) === 1 && (machine[first ?? 0]?.cells.length ?? 0) > 1) continue;
    if (violatesGroups(machine, mask)) continue;
    if (wanted.every(([name, bytes]) => total(machine, mask, name, 'free') + reusable(mask, name) >= bytes))
      found.push(mask);
  }
  return preferring(found, smallest);
}

function violatesGroups(machine: Machine, mask: NumaMask): boolean {
  const ids = nodesOf(mask);
  if (ids.length === 1) return false;
  return ids.some((id) => {
    const {numberOfAssignments = 0, cells = []} = machine[id] ?? {};
    return numberOfAssignments > 0 && !isSameGroup(cells, ids);
  });
}

function isSameGroup(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((id) => b.includes(id));
}

/**
 * The NUMA nodes that the memory comes from, near to all else that the container has where there is such a wish.
 * @throws when there is no room
 */
export function chooseNodes(
  machine: Machine,
  amounts: MemoryAmounts,
  wish: Hint,
  reusable: Reusable,
): NumaMask {
  const hints = memoryHints(machine, amounts, reusable);
  let mask = wish.affinity;
  if (mask === undefined) {
    const best = bestOf(hints);
    if (best === undefined)
      throw new Error(
        '[memorymanager] failed to get the default NUMA affinity, no NUMA nodes with enough memory is available',
      );
    if (!best.preferred && wish.preferred)
      throw new Error('[memorymanager] failed to find the default preferred hint');
    mask = best.affinity;
  }
  const base = mask;
  if (Object.entries(amounts).some(([name, bytes]) => total(machine, base, name, 'free') < bytes)) {
    const best = bestOf(hints.filter(({affinity = 0n}) => (affinity & base) === base));
    if (best === undefined)
      throw new Error('[memorymanager] failed to find NUMA nodes to extend the current topology hint');
    if (!best.preferred && wish.preferred)
      throw new Error('[memorymanager] failed to find the extended preferred hint');
    mask = best.affinity;
  }
  if (violatesGroups(machine, mask))
    throw new Error('[memorymanager] preferred hint violates NUMA node allocation');
  return mask;
}

type Best = {readonly affinity: NumaMask; readonly preferred: boolean};

function bestOf(hints: readonly Hint[]): Best | undefined {
  let best: Best | undefined;
  for (const {affinity, preferred} of hints) {
    if (affinity === undefined) continue;
    const isBetter =
      best === undefined ||
      (preferred && !best.preferred) ||
      (preferred === best.preferred && isNarrower(affinity, best.affinity));
    if (isBetter) best = {affinity, preferred};
  }
  return best;
}

/** `bytes`: what is taken now; the block may be larger by what init containers leave. Changes the machine. */
export function takeMemory(machine: Machine, {numaAffinity, type}: MemoryBlock, bytes: number): void {
  let left = bytes;
  for (const id of numaAffinity) {
    const node = machine[id];
    if (node === undefined)
      throw new Error(`the memory assignment uses the NUMA node ${id} that does not exist`);
    node.numberOfAssignments++;
    node.cells = [...numaAffinity];
    const table = node.memoryMap[type];
    if (table === undefined) throw new Error(`the memory assignment uses ${type} that does not exist`);
    const taken = Math.min(left, table.free);
    table.free -= taken;
    table.reserved += taken;
    left -= taken;
  }
}

/** Changes the machine. */
export function giveBackMemory(machine: Machine, {numaAffinity, type, size}: MemoryBlock): void {
  let left = size;
  for (const id of numaAffinity) {
    const node = machine[id];
    if (node === undefined) continue;
    node.numberOfAssignments--;
    if (node.numberOfAssignments === 0) node.cells = [id];
    const table = node.memoryMap[type];
    if (table === undefined) continue;
    const given = Math.min(left, table.reserved);
    table.free += given;
    table.reserved -= given;
    left -= given;
  }
}

/** What an earlier kubelet has left, if it fits this machine; @throws where it does not */
export function validMemoryState(empty: Machine, state: MemoryState): MemoryState {
  const {machineState, entries} = state;
  if (Object.keys(machineState).length === 0) {
    if (Object.keys(entries).length > 0)
      throw new Error('machine state can not be empty when it has memory assignments');
    return {machineState: empty, entries};
  }
  const expected = structuredClone(empty);
  for (const pod of Object.values(entries))
    for (const blocks of Object.values(pod)) for (const b of blocks) takeMemory(expected, b, b.size);
  if (shape(expected) !== shape(machineState))
    throw new Error('the expected machine state is different from the real one');
  return state;
}

/** What has to be the same: sums over nodes that are given away together may lie differently on each. */
function shape(machine: Machine): string {
  return JSON.stringify(
    Object.entries(machine).map(([id, {numberOfAssignments, cells, memoryMap}]) => [
      id,
      numberOfAssignments,
      [...cells].sort((a, b) => a - b),
      Object.keys(memoryMap)
        .sort()
        .map((name) => [
          name,
          memoryMap[name]?.total,
          memoryMap[name]?.systemReserved,
          memoryMap[name]?.allocatable,
        ]),
    ]),
  );
}

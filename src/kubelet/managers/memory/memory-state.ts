import * as z from 'zod/mini';
import {checksum, goList, goMap, goStruct, mapValues} from '../checksum.ts';

/** Kubernetes' name for it, in the kubelet's root. */
export const memoryStateName = 'memory_manager_state';

const table = z.object({
  total: z.number(),
  systemReserved: z.number(),
  allocatable: z.number(),
  reserved: z.number(),
  free: z.number(),
});
const nodeState = z.object({
  numberOfAssignments: z.number(),
  /** By `memory` and `hugepages-<size>`. */
  memoryMap: z.record(z.string(), table),
  /** The nodes that it was given away together with. */
  cells: z.array(z.number()),
});
const block = z.object({numaAffinity: z.array(z.number()), type: z.string(), size: z.number()});
const entries = z.record(z.string(), z.record(z.string(), z.array(block)));
const schema = z.object({
  policyName: z.string(),
  machineState: z.record(z.string(), nodeState),
  entries: z._default(entries, {}),
  checksum: z.number(),
});

export type MemoryTable = z.output<typeof table>;
export type MemoryNode = z.output<typeof nodeState>;
export type MemoryBlock = z.output<typeof block>;

/** What of each NUMA node is whose: by pod UID and container. */
export type MemoryState = Pick<z.output<typeof schema>, 'machineState' | 'entries'>;

export const emptyMemoryState: MemoryState = {machineState: {}, entries: {}};

/** memorymanager/state, format 1: what Kubernetes' own kubelet writes and reads. */
export function writeMemoryState(policyName: string, {machineState, entries: all}: MemoryState): string {
  const filled = Object.keys(all).length === 0 ? {} : {entries: all};
  const file = {policyName, machineState, entries: all};
  return JSON.stringify({policyName, machineState, ...filled, checksum: checksum(dump(file))});
}

/** @throws for a damaged file, or one of another policy */
export function readMemoryState(text: string, policyName: string): MemoryState {
  const parsed = schema.parse(JSON.parse(text));
  // As with processors, a file without one is taken as it is.
  if (parsed.checksum !== 0 && checksum(dump(parsed)) !== parsed.checksum)
    throw new Error('checkpoint is corrupted');
  if (parsed.policyName !== policyName)
    throw new Error(
      `configured policy "${policyName}" differs from state checkpoint policy "${parsed.policyName}"`,
    );
  return {machineState: parsed.machineState, entries: parsed.entries};
}

function dump({policyName, machineState, entries: all}: {readonly policyName: string} & MemoryState): string {
  const fields = goStruct(
    ['PolicyName', 'string', policyName],
    ['MachineState', 'state.NUMANodeMap', goMap(mapValues(machineState, dumpNode))],
    [
      'Entries',
      'state.ContainerMemoryAssignments',
      goMap(mapValues(all, (pod) => goMap(mapValues(pod, (blocks) => goList(blocks.map(dumpBlock)))))),
    ],
    ['Checksum', 'checksum.Checksum', 0],
  );
  return `(*state.MemoryManagerCheckpoint)${fields}`;
}

function dumpNode({numberOfAssignments, memoryMap, cells}: MemoryNode): string {
  const fields = goStruct(
    ['NumberOfAssignments', 'int', numberOfAssignments],
    ['MemoryMap', 'map[v1.ResourceName]*state.MemoryTable', goMap(mapValues(memoryMap, dumpTable))],
    ['Cells', '[]int', goList(cells)],
  );
  return `<*>${fields}`;
}

function dumpTable({total, systemReserved, allocatable, reserved, free}: MemoryTable): string {
  const fields = goStruct(
    ['TotalMemSize', 'uint64', total],
    ['SystemReserved', 'uint64', systemReserved],
    ['Allocatable', 'uint64', allocatable],
    ['Reserved', 'uint64', reserved],
    ['Free', 'uint64', free],
  );
  return `<*>${fields}`;
}

function dumpBlock({numaAffinity, type, size}: MemoryBlock): string {
  return goStruct(
    ['NUMAAffinity', '[]int', goList(numaAffinity)],
    ['Type', 'v1.ResourceName', type],
    ['Size', 'uint64', size],
  );
}

import {parseCpuSet, sorted} from '../../lib/cpu-set.ts';
import {listDirectory, readText} from '../files/files.ts';

/** Where a processor is; cores are named by the first of their processors, as the kubelet's checkpoints do. */
export type Cpu = {
  readonly id: number;
  readonly core: number;
  readonly socket: number;
  readonly node: number;
  /** The last cache that it shares; the socket where the kernel tells none. */
  readonly uncore: number;
};

export type NumaNode = {
  readonly id: number;
  readonly memoryBytes: number;
  /** Bytes by the size of the pages. */
  readonly hugePages: ReadonlyMap<number, number>;
  /** To every node, in their order; empty where the kernel tells none. */
  readonly distances: readonly number[];
};

export type MachineTopology = {readonly cpus: readonly Cpu[]; readonly nodes: readonly NumaNode[]};

/** Processors that are online, and the memory that is near to them; a machine without NUMA has one node. */
export async function readMachineTopology(sys = '/sys'): Promise<MachineTopology> {
  const nodeDir = `${sys}/devices/system/node`;
  const ids = await numbers(nodeDir, /^node(\d+)$/);
  const nodes = await Promise.all(
    (ids.length === 0 ? [0] : ids).map((id) => readNode(`${nodeDir}/node${id}`, id, sys)),
  );
  const nodeOf = new Map(nodes.flatMap(({id, cpus}) => cpus.map((cpu) => [cpu, id] as const)));
  const cpuDir = `${sys}/devices/system/cpu`;
  const found = await Promise.all(
    (await numbers(cpuDir, /^cpu(\d+)$/)).map((id) => readCpu(`${cpuDir}/cpu${id}`, id, nodeOf.get(id) ?? 0)),
  );
  return {
    cpus: found.filter((cpu) => cpu !== undefined),
    nodes: nodes.map(({cpus: _, ...node}) => node),
  };
}

async function numbers(directory: string, pattern: RegExp): Promise<number[]> {
  const names = await listDirectory(directory);
  return sorted(
    names.flatMap((name) => {
      const digits = pattern.exec(name)?.[1];
      return digits === undefined ? [] : [Number(digits)];
    }),
  );
}

/** Undefined for one that is offline: it has no place. */
async function readCpu(directory: string, id: number, node: number): Promise<Cpu | undefined> {
  const topology = `${directory}/topology`;
  if ((await readText(`${directory}/online`))?.trim() === '0') return undefined;
  const [socketText, siblings, cache] = await Promise.all([
    readText(`${topology}/physical_package_id`),
    readText(`${topology}/thread_siblings_list`),
    readText(`${directory}/cache/index3/id`),
  ]);
  if (socketText === undefined) return undefined;
  const socket = Math.max(0, Number(socketText));
  const [core = id] = sorted(parseCpuSet(siblings ?? '') ?? []);
  return {id, core, socket, node, uncore: cache === undefined ? socket : Number(cache)};
}

async function readNode(directory: string, id: number, sys: string) {
  const [list, meminfo, distance] = await Promise.all([
    readText(`${directory}/cpulist`),
    readText(`${directory}/meminfo`),
    readText(`${directory}/distance`),
  ]);
  const total = /MemTotal:\s+(\d+) kB/.exec(meminfo ?? (await readText('/proc/meminfo')) ?? '')?.[1];
  const pages = meminfo === undefined ? `${sys}/kernel/mm/hugepages` : `${directory}/hugepages`;
  return {
    id,
    cpus: [...(parseCpuSet(list ?? '') ?? [])],
    memoryBytes: Number(total ?? 0) * 1024,
    hugePages: await readHugePages(pages),
    distances: (distance ?? '').split(/\s+/).filter(Boolean).map(Number),
  };
}

async function readHugePages(directory: string): Promise<ReadonlyMap<number, number>> {
  const sizes = await numbers(directory, /^hugepages-(\d+)kB$/);
  const entries = await Promise.all(
    sizes.map(async (kilobytes) => {
      const count = Number((await readText(`${directory}/hugepages-${kilobytes}kB/nr_hugepages`)) ?? 0);
      return [kilobytes * 1024, kilobytes * 1024 * count] as const;
    }),
  );
  return new Map(entries);
}

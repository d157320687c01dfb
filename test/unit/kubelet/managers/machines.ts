import type {Cpu, NumaNode} from '../../../../src/edges/machine/machine-topology.ts';

type Shape = {
  readonly sockets: number;
  readonly nodesPerSocket: number;
  readonly coresPerNode: number;
  readonly threads: number;
};

/** A machine whose first threads come first: 0…cores-1, then their siblings. */
export function cpusOf({sockets, nodesPerSocket, coresPerNode, threads}: Shape): Cpu[] {
  const cores = sockets * nodesPerSocket * coresPerNode;
  return Array.from({length: cores * threads}, (_, id) => {
    const core = id % cores;
    const node = Math.floor(core / coresPerNode);
    const socket = Math.floor(node / nodesPerSocket);
    return {id, core, socket, node, uncore: socket};
  });
}

export const gibibyte = 2 ** 30;

export function nodesOf(count: number, memoryBytes = 4 * gibibyte): NumaNode[] {
  return Array.from({length: count}, (_, id) => ({
    id,
    memoryBytes,
    hugePages: new Map(),
    distances: Array.from({length: count}, (_, to) => (to === id ? 10 : 10 + 10 * Math.abs(to - id))),
  }));
}

import type {PluginDevice} from '../../edges/devices/client.ts';
import {type Hint, maskOf, masksOf, preferring, sizeOf} from '../managers/numa.ts';

export type HintsSeen = {
  readonly devices: ReadonlyMap<string, PluginDevice>;
  /** Of the machine; what a plugin says beyond them counts for nothing. */
  readonly numaNodes: readonly number[];
  readonly available: ReadonlySet<string>;
  /** Of init containers that have ended: they have to be used again. */
  readonly reusable: ReadonlySet<string>;
  readonly requested: number;
};

/** Whether the plugin cares where its devices are. */
export function isAligned(devices: ReadonlyMap<string, PluginDevice>): boolean {
  return [...devices.values()].some(({nodes}) => nodes.length > 0);
}

/** The sets of NUMA nodes that enough devices are near to (devicemanager/topology_hints.go). */
export function deviceHints({devices, numaNodes, available, reusable, requested}: HintsSeen): Hint[] {
  const withDevices = new Set([...devices.values()].flatMap(({nodes}) => nodes));
  // Nodes without devices make no difference, and masks grow with two to the power of nodes.
  const used = numaNodes.filter((node) => withDevices.has(node));
  const nodes = used.length === 0 ? numaNodes : used;
  const masks = new Map([...devices].map(([id, device]) => [id, maskOf(device.nodes)]));
  const near = (ids: Iterable<string>, mask: bigint): number =>
    [...ids].filter((id) => ((masks.get(id) ?? 0n) & mask) !== 0n).length;
  const placed = [...reusable].filter((id) => (masks.get(id) ?? 0n) !== 0n);
  let smallest = nodes.length;
  const found: bigint[] = [];
  for (const mask of masksOf(nodes)) {
    const size = sizeOf(mask);
    if (near(devices.keys(), mask) >= requested && size < smallest) smallest = size;
    const again = near(placed, mask);
    if (again < placed.length) continue;
    if (again + near(available, mask) >= requested) found.push(mask);
  }
  return preferring(found, smallest);
}

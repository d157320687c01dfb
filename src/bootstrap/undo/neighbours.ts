import type {Neighbours} from '../../edges/network/same-network.ts';
import type {Entry} from '../apply/entries.ts';
import {networkTrees} from '../learn/network-remains.ts';

/**
 * Why a thing stays although it was not here before: nodes that stand side by side share a kernel, and what was noted
 * for one may be the other's by now.
 */
export function heldBy(entry: Entry, {network, files}: Neighbours): string | undefined {
  switch (entry.kind) {
    case 'sysctl':
    case 'interface':
    case 'table':
    case 'base-chain':
    case 'chains':
      return needs(network);
    case 'module':
    case 'swap':
      return needs(network ?? files);
    case 'tree':
      return networkTrees.includes(entry.target) ? needs(files) : undefined;
    default:
      return undefined;
  }
}

function needs(pid: number | undefined): string | undefined {
  return pid === undefined ? undefined : `another kubelet of this machine may need it (process ${pid})`;
}

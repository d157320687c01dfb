import {isAlive, type PodRuntime, type RuntimeContainer} from '../pod/status/runtime-state.ts';
import type {DiskLayout} from './rank.ts';
import {resourceOf, type Signal} from './signals.ts';

/** What the node can give up before any pod has to. */
export type Reclaim = 'dead-containers' | 'unused-images';

/** In this order (helpers.go, buildSignalToNodeReclaimFuncs). */
export function reclaims(signal: Signal, {dedicatedImages, splitContainers}: DiskLayout): Reclaim[] {
  const resource = resourceOf(signal);
  if (resource !== 'ephemeral-storage' && resource !== 'inodes') return [];
  if (!dedicatedImages) return ['dead-containers', 'unused-images'];
  const isNode = signal.startsWith('nodefs.');
  if (!splitContainers) return isNode ? [] : ['dead-containers', 'unused-images'];
  return signal.startsWith('imagefs.') ? ['unused-images'] : ['dead-containers'];
}

export type Dead = {readonly containers: readonly RuntimeContainer[]; readonly sandboxes: readonly string[]};

/** Everything of a pod that has come to its end; nothing while something of it may still run. */
export function deadParts({containers, sandboxes}: PodRuntime): Dead {
  if (containers.some(isAlive) || sandboxes.some(({ready}) => ready)) return {containers: [], sandboxes: []};
  return {containers, sandboxes: sandboxes.map(({id}) => id)};
}

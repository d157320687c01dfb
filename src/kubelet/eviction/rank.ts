import type {Pod} from '../../lib/kubernetes.ts';
import {quantityValue} from '../../lib/quantity.ts';
import {podRequests} from '../pod/config/resources/pod-resources.ts';
import type {PodStats} from '../stats/types.ts';
import {resourceOf, type Signal} from './signals.ts';
import {memoryOf, processesOf, type StoragePart, storageOf} from './usage.ts';

export type Candidate = {readonly pod: Pod; readonly stats: PodStats | undefined};

/** Which file systems this node has apart. */
export type DiskLayout = {readonly dedicatedImages: boolean; readonly splitContainers: boolean};

type Compare = (a: Candidate, b: Candidate) => number;

/**
 * In the order in which pods go: for memory and disk those above their request first, then by priority, then by what
 * they use above the request; for process ids by priority, then by number (helpers.go, rank…Pressure). A pod of which
 * nothing is known goes before one that is.
 */
export function rankPods(candidates: readonly Candidate[], signal: Signal, layout: DiskLayout): Candidate[] {
  return [...candidates].sort(inTurn(...comparisons(signal, layout)));
}

function comparisons(signal: Signal, layout: DiskLayout): Compare[] {
  switch (resourceOf(signal)) {
    case 'memory':
      return byUse(
        ({stats}) => stats && memoryOf(stats),
        (pod) => request(pod, 'memory'),
        (pod) => request(pod, 'memory'),
      );
    case 'pids':
      return [byPriority, descending(({stats}) => stats && processesOf(stats))];
    case 'ephemeral-storage': {
      const parts = partsOn(signal, layout);
      return byUse(
        ({pod, stats}) => stats && storageOf(pod, stats, parts).usedBytes,
        (pod) => request(pod, 'ephemeral-storage'),
        (pod) => request(pod, 'ephemeral-storage'),
      );
    }
    case 'inodes': {
      const parts = partsOn(signal, layout);
      return byUse(
        ({pod, stats}) => stats && storageOf(pod, stats, parts).inodesUsed,
        // Nobody can request inodes; what is compared last is off by the request for bytes, as in Kubernetes.
        () => 0,
        (pod) => request(pod, 'ephemeral-storage'),
      );
    }
  }
}

/** buildSignalToRankFunc: what of a pod lies on the file system that is full. */
export function partsOn(signal: Signal, {dedicatedImages, splitContainers}: DiskLayout): StoragePart[] {
  if (!dedicatedImages) return ['rootfs', 'logs', 'volumes'];
  const isNode = signal.startsWith('nodefs.');
  if (!splitContainers) return isNode ? ['logs', 'volumes'] : ['rootfs'];
  return signal.startsWith('imagefs.') ? [] : ['logs', 'volumes', 'rootfs'];
}

type Amount = (candidate: Candidate) => number | undefined;

function byUse(use: Amount, requested: (pod: Pod) => number, deducted: (pod: Pod) => number): Compare[] {
  const exceeds: Amount = (candidate) => {
    const used = use(candidate);
    return used === undefined ? undefined : Number(used > requested(candidate.pod));
  };
  const above: Amount = (candidate) => {
    const used = use(candidate);
    return used === undefined ? undefined : used - deducted(candidate.pod);
  };
  return [descending(exceeds), byPriority, descending(above)];
}

const byPriority: Compare = (a, b) => (a.pod.spec.priority ?? 0) - (b.pod.spec.priority ?? 0);

function descending(amount: Amount): Compare {
  return (a, b) => {
    const [first, second] = [amount(a), amount(b)];
    if (first === undefined || second === undefined)
      return Number(second === undefined) - Number(first === undefined);
    return second - first;
  };
}

function inTurn(...compares: readonly Compare[]): Compare {
  return (a, b) => {
    for (const compare of compares) {
      const order = compare(a, b);
      if (order !== 0) return order;
    }
    return 0;
  };
}

/** The overhead counts only for what is requested at all (GetResourceRequestQuantity). */
function request({spec}: Pod, resource: string): number {
  const requested = quantityValue(podRequests(spec, {overhead: false})[resource]);
  return requested === 0 ? 0 : requested + quantityValue(spec.overhead?.[resource]);
}

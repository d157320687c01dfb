import type {NumaNode} from '../../edges/machine/machine-topology.ts';
import {type Hint, type Hints, isNarrower, maskOf, type NumaMask, nodesOf, sizeOf} from './numa.ts';

export type TopologyPolicyName = 'none' | 'best-effort' | 'restricted' | 'single-numa-node';

export type TopologyPolicy = {
  readonly name: Exclude<TopologyPolicyName, 'none'>;
  readonly nodes: readonly NumaNode[];
  /** Of two equally large sets of nodes, the one whose nodes are nearer to each other. */
  readonly closest: boolean;
};

export type Alignment = {readonly hint: Hint; readonly admit: boolean};

type Sized = {readonly affinity: NumaMask; readonly preferred: boolean};

const noWish: readonly Hint[] = [{affinity: undefined, preferred: true}];
const nowhere: readonly Hint[] = [{affinity: undefined, preferred: false}];

/** Where all of a container's resources can come from together (topologymanager/policy.go). */
export function align(policy: TopologyPolicy, provided: readonly Hints[]): Alignment {
  const lists = provided.flatMap(listsOf);
  const single = policy.name === 'single-numa-node';
  const merged = merge(policy, single ? lists.map(onlySingle) : lists);
  const everywhere = maskOf(policy.nodes.map(({id}) => id));
  const hint: Hint =
    single && merged.affinity === everywhere ? {affinity: undefined, preferred: merged.preferred} : merged;
  return {hint, admit: policy.name === 'best-effort' || hint.preferred};
}

function listsOf(hints: Hints): (readonly Hint[])[] {
  if (hints.size === 0) return [noWish];
  return [...hints.values()].map((list) => {
    if (list === undefined) return noWish;
    return list.length === 0 ? nowhere : list;
  });
}

function onlySingle(hints: readonly Hint[]): readonly Hint[] {
  return hints.filter(
    ({affinity, preferred}) => preferred && (affinity === undefined || sizeOf(affinity) === 1),
  );
}

function merge(policy: TopologyPolicy, lists: readonly (readonly Hint[])[]): Sized {
  const everywhere = maskOf(policy.nodes.map(({id}) => id));
  const size = Math.max(0, ...lists.map(narrowestSize));
  let best: Sized | undefined;
  for (const permutation of permutations(lists)) {
    const candidate = together(everywhere, permutation);
    best = better(policy, size, best, candidate);
  }
  return best ?? {affinity: everywhere, preferred: false};
}

function narrowestSize(hints: readonly Hint[]): number {
  const masks = hints.flatMap(({affinity}) => (affinity === undefined ? [] : [affinity]));
  return masks.length === 0 ? 0 : Math.min(...masks.map(sizeOf));
}

function* permutations(lists: readonly (readonly Hint[])[], at = 0): Generator<Hint[]> {
  const list = lists[at];
  if (list === undefined) {
    yield [];
    return;
  }
  for (const hint of list) for (const rest of permutations(lists, at + 1)) yield [hint, ...rest];
}

/** Nodes that all of them can do with; preferred only where all prefer the same. */
function together(everywhere: NumaMask, hints: readonly Hint[]): Sized {
  const masks = hints.flatMap(({affinity}) => (affinity === undefined ? [] : [affinity]));
  const [first] = masks;
  return {
    affinity: masks.reduce((all, mask) => all & mask, everywhere),
    preferred: hints.every(({preferred}) => preferred) && masks.every((mask) => mask === first),
  };
}

/** `size`: of the largest of the smallest hints; what is not preferred should be no larger, and no smaller. */
function better(
  policy: TopologyPolicy,
  size: number,
  best: Sized | undefined,
  candidate: Sized,
): Sized | undefined {
  if (candidate.affinity === 0n) return best;
  if (best === undefined) return candidate;
  if (best.preferred !== candidate.preferred) return best.preferred ? best : candidate;
  if (best.preferred) return narrower(policy, best, candidate);
  const [now, then] = [sizeOf(best.affinity), sizeOf(candidate.affinity)];
  if (now > size) return narrower(policy, best, candidate);
  if (now === size) return then === size ? narrower(policy, best, candidate) : best;
  if (then > size) return best;
  if (then === size) return candidate;
  if (then !== now) return then > now ? candidate : best;
  return narrower(policy, best, candidate);
}

function narrower(policy: TopologyPolicy, best: Sized, candidate: Sized): Sized {
  const {affinity: now} = best;
  const {affinity: then} = candidate;
  if (now === then) return best;
  const byDistance = policy.closest && policy.name !== 'single-numa-node' && sizeOf(now) === sizeOf(then);
  if (!byDistance) return isNarrower(now, then) ? best : candidate;
  const [near, far] = [distance(policy.nodes, now), distance(policy.nodes, then)];
  if (near === far) return now < then ? best : candidate;
  return near < far ? best : candidate;
}

function distance(nodes: readonly NumaNode[], mask: NumaMask): number {
  const ids = nodesOf(mask);
  const total = ids
    .flatMap((from) => ids.map((to) => nodes.find(({id}) => id === from)?.distances[to] ?? 0))
    .reduce((sum, value) => sum + value, 0);
  return total / ids.length ** 2;
}

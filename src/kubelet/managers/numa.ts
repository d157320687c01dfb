/** A set of NUMA nodes, one bit each; machines may have more than 32. */
export type NumaMask = bigint;

/** Where a resource could come from: a set of NUMA nodes, and whether no smaller one could ever do. */
export type Hint = {
  /** Undefined: wherever. */
  readonly affinity: NumaMask | undefined;
  readonly preferred: boolean;
};

/** By resource; undefined: it does not matter where, an empty list: nowhere. */
export type Hints = ReadonlyMap<string, readonly Hint[] | undefined>;

export function maskOf(nodes: Iterable<number>): NumaMask {
  let mask = 0n;
  for (const node of nodes) if (node >= 0) mask |= 1n << BigInt(node);
  return mask;
}

export function nodesOf(mask: NumaMask): number[] {
  const nodes: number[] = [];
  for (let node = 0, rest = mask; rest > 0n; node++, rest >>= 1n) if ((rest & 1n) === 1n) nodes.push(node);
  return nodes;
}

export function sizeOf(mask: NumaMask): number {
  return nodesOf(mask).length;
}

/** Fewer nodes, or the same number of them with lower numbers. */
export function isNarrower(a: NumaMask, b: NumaMask): boolean {
  const [left, right] = [sizeOf(a), sizeOf(b)];
  return left === right ? a < b : left < right;
}

/** All combinations of nodes, small ones first. */
export function* masksOf(nodes: readonly number[]): Generator<NumaMask> {
  for (let size = 1; size <= nodes.length; size++) yield* combinations(nodes, size, 0, 0n);
}

function* combinations(
  nodes: readonly number[],
  size: number,
  from: number,
  mask: NumaMask,
): Generator<NumaMask> {
  if (size === 0) {
    yield mask;
    return;
  }
  for (const [at, node] of nodes.entries())
    if (at >= from) yield* combinations(nodes, size - 1, at + 1, mask | (1n << BigInt(node)));
}

/** Marks the hints that are as small as any can be. */
export function preferring(masks: readonly NumaMask[], smallest: number): Hint[] {
  return masks.map((affinity) => ({affinity, preferred: sizeOf(affinity) === smallest}));
}

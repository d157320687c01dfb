import type {Container, PodSpec} from '../../../../lib/kubernetes.ts';
import {parseQuantity} from '../../../../lib/quantity.ts';

/** Amounts by resource name, as quantities. */
export type ResourceList = Readonly<Record<string, string>>;

type Amounts = Map<string, bigint>;
type Kind = 'requests' | 'limits';

/**
 * What a whole pod asks for (component-helpers/resource, PodRequests): its containers and sidecars together, or the
 * largest moment of its start if that is more; pod-level values win; the RuntimeClass's overhead is added.
 */
export function podRequests(spec: PodSpec, options: {readonly overhead: boolean}): ResourceList {
  const total = aggregate(spec, 'requests');
  usePodLevel(total, spec, 'requests');
  if (options.overhead) add(total, amounts(spec.overhead));
  return texts(total);
}

/** The same for limits; overhead only raises limits that exist. */
export function podLimits(spec: PodSpec, options: {readonly overhead: boolean}): ResourceList {
  const total = aggregate(spec, 'limits');
  usePodLevel(total, spec, 'limits');
  if (options.overhead)
    for (const [name, value] of amounts(spec.overhead)) {
      const limit = total.get(name) ?? 0n;
      if (limit > 0n) total.set(name, limit + value);
    }
  return texts(total);
}

export function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always';
}

function aggregate(spec: PodSpec, kind: Kind): Amounts {
  const total: Amounts = new Map();
  for (const container of spec.containers) add(total, amounts(container.resources?.[kind]));
  const sidecars: Amounts = new Map();
  const start: Amounts = new Map();
  for (const container of spec.initContainers ?? []) {
    const own = amounts(container.resources?.[kind]);
    if (isSidecar(container)) {
      add(total, own);
      add(sidecars, own);
      raise(start, sidecars);
    } else {
      add(own, sidecars);
      raise(start, own);
    }
  }
  raise(total, start);
  return total;
}

function usePodLevel(total: Amounts, {resources}: PodSpec, kind: Kind): void {
  for (const [name, value] of amounts(resources?.[kind]))
    if (name === 'cpu' || name === 'memory' || name.startsWith('hugepages-')) total.set(name, value);
}

function amounts(list: ResourceList | undefined): Amounts {
  return new Map(Object.entries(list ?? {}).map(([name, text]) => [name, parseQuantity(text) ?? 0n]));
}

function add(total: Amounts, more: Amounts): void {
  for (const [name, value] of more) total.set(name, (total.get(name) ?? 0n) + value);
}

function raise(total: Amounts, other: Amounts): void {
  for (const [name, value] of other) if (value > (total.get(name) ?? -1n)) total.set(name, value);
}

/** Exact: whole units, thousandths, or nano-units. */
function texts(total: Amounts): ResourceList {
  return Object.fromEntries(
    [...total].map(([name, nano]) => {
      if (nano % 1_000_000_000n === 0n) return [name, String(nano / 1_000_000_000n)];
      return [name, nano % 1_000_000n === 0n ? `${nano / 1_000_000n}m` : `${nano}n`];
    }),
  );
}

import type {Container, PodSpec} from '../../../lib/kubernetes.ts';
import {parseQuantity} from '../../../lib/quantity.ts';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';
type Resources = NonNullable<Container['resources']>;

const counted = ['cpu', 'memory'];

/** component-helpers' ComputePodQOS: only cpu and memory count, and zero is the same as absent. */
export function qosClass(spec: PodSpec): QosClass {
  const podLevel = spec.resources;
  const parts: readonly Resources[] =
    podLevel !== undefined
      ? [podLevel]
      : [...spec.containers, ...(spec.initContainers ?? [])].map((c) => c.resources ?? {});
  if (!parts.some((part) => sized(part.requests) || sized(part.limits))) return 'BestEffort';
  return parts.every(guaranteed) ? 'Guaranteed' : 'Burstable';
}

function sized(list: Record<string, string> | undefined): boolean {
  return counted.some((name) => amount(list, name) > 0n);
}

function guaranteed(resources: Resources): boolean {
  return counted.every((name) => {
    const limit = amount(resources.limits, name);
    const request = resources.requests?.[name] === undefined ? limit : amount(resources.requests, name);
    return limit > 0n && request === limit;
  });
}

function amount(list: Record<string, string> | undefined, name: string): bigint {
  return parseQuantity(list?.[name] ?? '0') ?? 0n;
}

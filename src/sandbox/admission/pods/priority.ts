import type {KubeObject, Pod} from '../../../lib/kubernetes.ts';
import type {Resource} from '../../../lib/resources.ts';
import {forbidden} from '../../status.ts';
import type {Lookup, Write} from '../types.ts';

type PriorityClass = KubeObject & {value?: number; globalDefault?: boolean; preemptionPolicy?: string};

const priorityClasses: Resource<PriorityClass> = {
  group: 'scheduling.k8s.io',
  version: 'v1',
  plural: 'priorityclasses',
  kind: 'PriorityClass',
  namespaced: false,
};

/** The two classes that exist in every cluster, also before anything has seeded them. */
const system: ReadonlyMap<string, number> = new Map([
  ['system-node-critical', 2_000_001_000],
  ['system-cluster-critical', 2_000_000_000],
]);

/** The Priority admission plugin: the class becomes a number and a preemption policy. */
export function admitPriority(write: Write<Pod>, lookup: Lookup): void {
  const {spec, metadata} = write.object;
  const given = spec.priority;
  const found = classOf(spec.priorityClassName, lookup);
  if (found === undefined)
    throw forbidden(
      write.resource,
      metadata.name,
      `no PriorityClass with name ${spec.priorityClassName} was found`,
    );
  if (
    given !== undefined &&
    given !== found.value &&
    metadata.annotations?.['kubernetes.io/config.mirror'] === undefined
  )
    throw forbidden(
      write.resource,
      metadata.name,
      `the integer value of priority (${given}) must not be provided in pod spec; priority admission controller computed ${found.value} from the given PriorityClass name`,
    );
  if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== found.preemptionPolicy)
    throw forbidden(
      write.resource,
      metadata.name,
      `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${found.preemptionPolicy} from the given PriorityClass name`,
    );
  if (found.name !== '') spec.priorityClassName = found.name;
  spec.priority = given ?? found.value;
  spec.preemptionPolicy = found.preemptionPolicy;
}

function classOf(
  name: string | undefined,
  lookup: Lookup,
): {name: string; value: number; preemptionPolicy: string} | undefined {
  if (!name) {
    const fallback = [...lookup.list(priorityClasses)].find((c) => c.globalDefault === true);
    if (fallback === undefined) return {name: '', value: 0, preemptionPolicy: 'PreemptLowerPriority'};
    return described(fallback);
  }
  const stored = lookup.get(priorityClasses, undefined, name);
  if (stored !== undefined) return described(stored);
  const value = system.get(name);
  return value === undefined ? undefined : {name, value, preemptionPolicy: 'PreemptLowerPriority'};
}

function described(found: PriorityClass): {name: string; value: number; preemptionPolicy: string} {
  return {
    name: found.metadata.name,
    value: found.value ?? 0,
    preemptionPolicy: found.preemptionPolicy ?? 'PreemptLowerPriority',
  };
}

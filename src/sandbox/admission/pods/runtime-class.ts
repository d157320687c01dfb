import type {Pod} from '../../../lib/kubernetes.ts';
import {runtimeClasses} from '../../../lib/resources.ts';
import {forbidden} from '../../status.ts';
import type {Lookup, Write} from '../types.ts';

/** The RuntimeClass admission plugin: what its sandbox costs, and where it can run. */
export function admitRuntimeClass(write: Write<Pod>, lookup: Lookup): void {
  const {spec, metadata} = write.object;
  const name = spec.runtimeClassName;
  const refuse = (why: string) => forbidden(write.resource, metadata.name, why);
  if (!name) {
    if (spec.overhead)
      throw refuse('pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead');
    return;
  }
  const found = lookup.get(runtimeClasses, undefined, name);
  if (found === undefined) throw refuse(`pod rejected: RuntimeClass "${name}" not found`);
  if (found.overhead?.podFixed) spec.overhead = {...found.overhead.podFixed};
  for (const [key, value] of Object.entries(found.scheduling?.nodeSelector ?? {})) {
    const own = spec.nodeSelector?.[key];
    if (own !== undefined && own !== value)
      throw refuse(
        `conflict: runtimeClass.scheduling.nodeSelector[${key}] = ${value}; pod.spec.nodeSelector[${key}] = ${own}`,
      );
    spec.nodeSelector = {...spec.nodeSelector, [key]: value};
  }
  const tolerations = found.scheduling?.tolerations ?? [];
  if (tolerations.length > 0)
    spec.tolerations = [...(spec.tolerations ?? []), ...structuredClone(tolerations)];
}

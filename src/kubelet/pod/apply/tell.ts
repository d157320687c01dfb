import type {EventRecorder} from '../../../edges/kube/events.ts';
import type {Pod} from '../../../lib/kubernetes.ts';

/** Tells an event about a pod, or about one of its containers (`spec.containers{name}`). */
export function tellPod(
  recorder: EventRecorder,
  pod: Pod,
  container: string | undefined,
  type: 'Normal' | 'Warning',
  reason: string,
  message: string,
): void {
  const {name, namespace, uid, resourceVersion} = pod.metadata;
  const part = container === undefined ? {} : {fieldPath: fieldPath(pod, container)};
  const target = {kind: 'Pod', apiVersion: 'v1', name, namespace, uid, resourceVersion, ...part};
  recorder.record(target, type, reason, message);
}

function fieldPath({spec}: Pod, container: string): string {
  const has = (list: readonly {name: string}[] | undefined) => list?.some(({name}) => name === container);
  if (has(spec.initContainers)) return `spec.initContainers{${container}}`;
  if (has(spec.ephemeralContainers)) return `spec.ephemeralContainers{${container}}`;
  return `spec.containers{${container}}`;
}

import {isDeepStrictEqual} from 'node:util';
import {qosClass} from '../../../config/pod/qos.ts';
import type {Container, Pod, PodSpec} from '../../../lib/kubernetes.ts';
import type {Problems} from '../problems.ts';
import {plain} from '../semantic.ts';

type Resources = NonNullable<Container['resources']>;
type Kind = 'containers' | 'initContainers';

/** core/validation.ValidatePodResize: what pods/resize may change of a pod. */
export function checkResize(problems: Problems, now: Pod, before: Pod): void {
  if (before.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined) {
    problems.forbidden('', 'static pods cannot be resized');
    return;
  }
  if (before.spec.os?.name === 'windows') {
    problems.forbidden('', 'windows pods cannot be resized');
    return;
  }
  if (qosClass(before.spec) !== qosClass(now.spec))
    problems.invalid('spec', qosClass(now.spec), 'Pod QOS Class may not change as a result of resizing');
  if (!supportsResize(before)) problems.forbidden('spec', 'Pod running on node without support for resize');
  checkPodLevel(problems, now.spec.resources, before.spec.resources);
  if (!sameOrder(problems, now.spec, before.spec)) return;
  for (const kind of ['initContainers', 'containers'] as const) checkContainers(problems, kind, now, before);
  const rest = ({containers, initContainers, resources, ...spec}: PodSpec) => plain(spec);
  if (problems.empty && !isDeepStrictEqual(rest(now.spec), rest(before.spec)))
    problems.forbidden('spec', 'only cpu and memory resources are mutable');
}

/** A node that resizes tells the resources of what it runs. */
function supportsResize({status}: Pod): boolean {
  const running = status?.containerStatuses?.find(({state}) => state?.running !== undefined);
  return running === undefined || running.resources !== undefined;
}

function checkPodLevel(problems: Problems, now: PodSpec['resources'], before: PodSpec['resources']): void {
  if (before === undefined && now === undefined) return;
  const field = 'spec.resources';
  if (before !== undefined && now === undefined) {
    problems.forbidden(field, 'pod-level resources cannot be removed');
    return;
  }
  if (removed(now?.requests, before?.requests))
    problems.forbidden(`${field}.requests`, 'pod-level resource requests cannot be removed');
  if (removed(now?.limits, before?.limits))
    problems.forbidden(`${field}.limits`, 'pod-level resource limits cannot be removed');
  if (!isDeepStrictEqual(others(now), others(before)))
    problems.forbidden('spec', 'only cpu and memory resources are mutable at pod-level');
}

function sameOrder(problems: Problems, now: PodSpec, before: PodSpec): boolean {
  return (['containers', 'initContainers'] as const)
    .map((kind) => {
      const [is, was] = [now[kind] ?? [], before[kind] ?? []];
      if (is.length !== was.length) {
        problems.forbidden(`spec.${kind}`, `${kind} may not be added or removed on resize`);
        return false;
      }
      const moved = was.findIndex(({name}, at) => is[at]?.name !== name);
      if (moved < 0) return true;
      problems.forbidden(`spec.${kind}[${moved}].name`, `${kind} may not be renamed or reordered on resize`);
      return false;
    })
    .every((same) => same);
}

function checkContainers(problems: Problems, kind: Kind, now: Pod, before: Pod): void {
  for (const [at, was] of (before.spec[kind] ?? []).entries()) {
    const is = now.spec[kind]?.[at];
    if (is === undefined) continue;
    const field = `spec.${kind}[${at}]`;
    if (removed(is.resources?.requests, was.resources?.requests))
      problems.forbidden(`${field}.resources.requests`, 'resource requests cannot be removed');
    if (removed(is.resources?.limits, was.resources?.limits))
      problems.forbidden(`${field}.resources.limits`, 'resource limits cannot be removed');
    const isInit = kind === 'initContainers';
    if (!isDeepStrictEqual(withoutCpuAndMemory(is), withoutCpuAndMemory(was)))
      problems.forbidden(
        isInit ? field : 'spec',
        isInit
          ? 'only cpu and memory resources for init or sidecar containers are mutable'
          : 'only cpu and memory resources are mutable',
      );
    const changed = !isDeepStrictEqual(plain(is), plain(was));
    const restarts = is.resizePolicy?.some(({restartPolicy}) => restartPolicy === 'RestartContainer');
    if (isInit && changed && restarts && is.restartPolicy !== 'Always')
      problems.forbidden(
        field,
        'non-sidecar init containers with a resize policy of RestartContainer cannot be resized',
      );
  }
}

function withoutCpuAndMemory(container: Container): object {
  return plain({...container, resources: others(container.resources)});
}

/** What of resources is neither CPU nor memory: that never changes. */
function others(resources: Resources | undefined): object {
  const rest = (list: Record<string, string> = {}) =>
    Object.fromEntries(Object.entries(list).filter(([name]) => name !== 'cpu' && name !== 'memory'));
  return plain({...resources, requests: rest(resources?.requests), limits: rest(resources?.limits)});
}

function removed(now: Record<string, string> = {}, before: Record<string, string> = {}): boolean {
  return Object.keys(before).some((name) => !(name in now));
}

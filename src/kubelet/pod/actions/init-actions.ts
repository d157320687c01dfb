import {restartsAfter, restartsOnFailure} from '../../../config/pod/restart-rules.ts';
import type {Container} from '../../../lib/kubernetes.ts';
import {needsRestart} from '../../resize/plan.ts';
import {newestContainer, type RuntimeContainer} from '../status/runtime-state.ts';
import type {ActionsInput, ContainerStart} from './action-types.ts';
import {type ContainerKill, isChanged, lost, resizeKill} from './container-change.ts';
import {isSidecar} from './restart.ts';

export type InitActions = {
  readonly initialized: boolean;
  /** An init container failed for good: so has the pod. */
  readonly failed: boolean;
  readonly kills: readonly ContainerKill[];
  readonly starts: readonly ContainerStart[];
};

type Step = {
  /** The container has done its part: the next one may start. */
  readonly complete: boolean;
  readonly start?: true;
  readonly kill?: ContainerKill;
  readonly failed?: true;
};

/**
 * Which init container is next, and which sidecars must be started again. Looked at from the last one, because
 * completed ones may have been removed: the newest that exists says how far initialization came
 * (pkg/kubelet/kuberuntime, computeInitContainerActions).
 */
export function initActions(input: ActionsInput): InitActions {
  const inits = input.pod.spec.initContainers ?? [];
  if (inits.length === 0) return {initialized: true, failed: false, kills: [], starts: []};
  let initialized = input.pod.spec.containers.some(({name}) =>
    ['created', 'running'].includes(newestContainer(input.runtime, name)?.state ?? ''),
  );
  let laterSeen = initialized;
  const starts = new Set<Container>();
  const kills: ContainerKill[] = [];
  for (const [at, container] of [...inits.entries()].reverse()) {
    const seen = newestContainer(input.runtime, container.name);
    if (seen === undefined) {
      if (laterSeen && isSidecar(container)) starts.add(container);
      continue;
    }
    if (laterSeen && !isSidecar(container)) continue;
    const step = isSidecar(container)
      ? sidecarStep(input, container, seen)
      : initStep(input, container, seen);
    if (step.failed) return {initialized: false, failed: true, kills: [], starts: []};
    if (step.kill !== undefined) kills.push(step.kill);
    if (step.start) starts.add(container);
    const next = inits[at + 1];
    if (step.complete && next === undefined) initialized = true;
    else if (step.complete && next !== undefined && !laterSeen) starts.add(next);
    laterSeen = true;
  }
  const [first] = inits;
  if (!laterSeen && first !== undefined) starts.add(first);
  const ordered = inits.filter((container) => starts.has(container));
  return {
    initialized,
    failed: false,
    kills,
    starts: ordered.map((container) => ({kind: 'init', container})),
  };
}

function initStep({pod}: ActionsInput, container: Container, seen: RuntimeContainer): Step {
  switch (seen.state) {
    case 'created':
      return {complete: false, start: true};
    case 'running':
      return {complete: false};
    case 'exited':
      if (seen.exitCode === 0) return {complete: true};
      return restartsAfter(container, pod.spec, seen.exitCode)
        ? {complete: false, start: true}
        : {complete: false, failed: true};
    case 'unknown':
      return restartsOnFailure(container, pod.spec)
        ? {complete: false, start: true, kill: lost(seen, 'Init container')}
        : {complete: false, failed: true};
  }
}

function sidecarStep(
  {pod, probes, actuated}: ActionsInput,
  container: Container,
  seen: RuntimeContainer,
): Step {
  switch (seen.state) {
    case 'created':
    case 'exited':
      return {complete: false, start: true};
    case 'unknown':
      return {complete: false, start: true, kill: lost(seen, 'Init container')};
    case 'running':
      break;
  }
  const results = probes.get(seen.id);
  if (container.startupProbe !== undefined && results?.startup !== 'success')
    return results?.startup === 'failure'
      ? {complete: false, start: true, kill: killed(seen, container, 'startup')}
      : {complete: false};
  if (isChanged(container, seen))
    return {complete: true, start: true, kill: killed(seen, container, 'changed')};
  if (results?.liveness === 'failure')
    return {complete: true, start: true, kill: killed(seen, container, 'liveness')};
  if (needsRestart(pod, container, actuated))
    return {complete: true, start: true, kill: resizeKill(container, seen)};
  return {complete: true};
}

function killed(
  seen: RuntimeContainer,
  {name}: Container,
  reason: 'startup' | 'liveness' | 'changed',
): ContainerKill {
  const what = reason === 'changed' ? 'definition changed' : `failed ${reason} probe`;
  return {container: seen, reason, message: `Init container ${name} ${what}`};
}

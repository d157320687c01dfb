import {restartsAfter} from '../../../config/pod/restart-rules.ts';
import type {Container, PodSpec} from '../../../lib/kubernetes.ts';
import {newestContainer, type PodRuntime, type RuntimeContainer} from '../status/runtime-state.ts';

/** A restartable init container: starts in init order, then runs beside the others. */
export function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always';
}

/**
 * Whether a container that does not run shall be started: never started, lost, or ended and restartable
 * (pkg/kubelet/container/helpers.go, ShouldContainerBeRestarted).
 */
export function shouldStart(
  container: Container,
  spec: PodSpec,
  seen: RuntimeContainer | undefined,
): boolean {
  switch (seen?.state) {
    case undefined:
    case 'created':
    case 'unknown':
      return true;
    case 'running':
      return false;
    case 'exited':
      return restartsAfter(container, spec, seen.exitCode);
  }
}

/**
 * Any regular container exists in the runtime: so initialization was complete once. One of unknown state proves nothing
 * (HasAnyRegularContainerCreated).
 */
export function hasRegularContainer(spec: PodSpec, runtime: PodRuntime): boolean {
  return spec.containers.some(({name}) => (newestContainer(runtime, name)?.state ?? 'unknown') !== 'unknown');
}

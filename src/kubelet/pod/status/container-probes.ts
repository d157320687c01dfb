import type {Container, ContainerStatus} from '../../../lib/kubernetes.ts';
import {isSidecar} from '../actions/restart.ts';
import type {PodSeen, ProbesSeen} from '../seen.ts';
import {newestContainer} from './runtime-state.ts';

export type ListKind = 'init' | 'regular' | 'ephemeral';

/** started and ready, as pkg/kubelet/prober (UpdatePodStatus) sets them. */
export function withProbes(
  seen: PodSeen,
  container: Container,
  kind: ListKind,
  status: ContainerStatus,
): ContainerStatus {
  if (kind === 'ephemeral') return {...status, ready: false, started: false};
  const record = newestContainer(seen.runtime, container.name);
  const results = record === undefined ? undefined : seen.probes.get(record.id);
  const started = record?.state === 'running' && isStarted(container, status, results);
  if (kind === 'init' && !isSidecar(container))
    return {...status, started, ready: status.state?.terminated?.exitCode === 0};
  const ready = started && (container.readinessProbe === undefined || results?.readiness === 'success');
  return {...status, started, ready};
}

function isStarted(container: Container, status: ContainerStatus, results: ProbesSeen | undefined): boolean {
  if (status.state?.running === undefined) return false;
  return container.startupProbe === undefined || results?.startup === 'success';
}

import type {Container, ContainerStatus, Pod} from '../../../lib/kubernetes.ts';
import {timestamp} from '../../../lib/time.ts';
import {containerResourcesStatus} from '../../resize/status.ts';
import {hasRegularContainer, isSidecar, shouldStart} from '../actions/restart.ts';
import {isRestartingAll, restartingAllContainers} from '../actions/restart-all.ts';
import type {PodSeen} from '../seen.ts';
import {type ListKind, withProbes} from './container-probes.ts';
import {shortened} from './messages.ts';
import type {RuntimeContainer} from './runtime-state.ts';

type State = NonNullable<ContainerStatus['state']>;
type Terminated = NonNullable<State['terminated']>;

/** Kubernetes' word for a container that ran and cannot be found any more. */
const statusUnknown = 'ContainerStatusUnknown';

/** The statuses of one of the pod's container lists, in the order that clients expect. */
export function containerStatuses(seen: PodSeen, pod: Pod, kind: ListKind): ContainerStatus[] {
  const containers = listOf(pod, kind);
  const old = oldList(seen, kind);
  const statuses = containers.map((container) => {
    const before = old.find((status) => status.name === container.name);
    const status = withProbes(seen, container, kind, oneStatus(seen, pod, container, kind, before));
    const allocatedResourcesStatus = kind === 'regular' ? seen.devices?.get(container.name) : undefined;
    return shortened(
      pod,
      allocatedResourcesStatus === undefined ? status : {...status, allocatedResourcesStatus},
    );
  });
  return kind === 'init' ? statuses : statuses.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function listOf({spec}: Pod, kind: ListKind): readonly Container[] {
  if (kind === 'init') return spec.initContainers ?? [];
  return kind === 'regular' ? spec.containers : (spec.ephemeralContainers ?? []);
}

function oldList({status}: PodSeen, kind: ListKind): readonly ContainerStatus[] {
  if (kind === 'init') return status?.initContainerStatuses ?? [];
  return (kind === 'regular' ? status?.containerStatuses : status?.ephemeralContainerStatuses) ?? [];
}

function oneStatus(
  seen: PodSeen,
  pod: Pod,
  container: Container,
  kind: ListKind,
  before: ContainerStatus | undefined,
): ContainerStatus {
  const [newest, previous] = seen.runtime.containers.filter(({name}) => name === container.name);
  if (newest === undefined && kind !== 'ephemeral' && isRestartingAll(seen, pod))
    return removed(seen, container, before);
  const status =
    newest === undefined
      ? withoutRecord(seen, pod, container, before)
      : fromRecord(seen, pod, container, newest, previous, before);
  return waitingAgain(seen, pod, container, kind, newest, status);
}

function fromRecord(
  seen: PodSeen,
  pod: Pod,
  container: Container,
  newest: RuntimeContainer,
  previous: RuntimeContainer | undefined,
  before: ContainerStatus | undefined,
): ContainerStatus {
  const last =
    previous?.state === 'exited'
      ? {terminated: ended(previous, before?.lastState?.terminated)}
      : lastFrom(before, newest.id);
  return {
    ...blank(seen, container),
    restartCount: restartsOf(newest, before),
    image: newest.image,
    imageID: newest.imageRef,
    containerID: containerUri(newest.id),
    state: isReplaced(seen, pod, container, newest) ? runningSince(newest) : stateOf(newest, before),
    lastState: last,
    resources: containerResourcesStatus(container, newest, seen.actuated?.containers[container.name]),
    ...(container.resources?.requests === undefined
      ? {}
      : {allocatedResources: container.resources.requests}),
    ...(newest.user === undefined ? {} : {user: {linux: userOf(newest.user)}}),
  };
}

/**
 * Ended so that it starts again, where its policy would not: the API server refuses whatever follows the end of such a
 * container (ValidateContainerStateTransition), so that it stays untold until the next one runs, as in Kubernetes' one
 * sync.
 */
function isReplaced(seen: PodSeen, pod: Pod, container: Container, newest: RuntimeContainer): boolean {
  const ended = newest.state === 'exited' && seen.restarting.has(newest.id);
  return ended && !shouldStart(container, pod.spec, newest);
}

function runningSince({startedAtMs}: RuntimeContainer): State {
  return {running: {startedAt: timestamp(startedAtMs)}};
}

/** What runs after an end that was told is one restart more, also where the runtime has lost count. */
function restartsOf(newest: RuntimeContainer, before: ContainerStatus | undefined): number {
  const told = before?.restartCount ?? 0;
  const follows = before?.state?.terminated !== undefined && before.containerID !== containerUri(newest.id);
  return Math.max(newest.attempt, newest.state === 'running' && follows ? told + 1 : told);
}

/** It was there and was removed, so that all containers begin anew. */
function removed(seen: PodSeen, container: Container, before: ContainerStatus | undefined): ContainerStatus {
  const wasThere = before?.containerID !== undefined;
  const message = 'The container is removed because RestartAllContainers in place';
  const terminated = {exitCode: 137, reason: restartingAllContainers, message};
  return {
    ...blank(seen, container),
    restartCount: (before?.restartCount ?? 0) + (wasThere ? 1 : 0),
    state: {waiting: {reason: restartingAllContainers, message}},
    lastState: wasThere ? {terminated} : (before?.lastState ?? {}),
  };
}

/** What the runtime no longer has, the last status still knows. */
function lastFrom(before: ContainerStatus | undefined, id: string): State {
  const terminated = before?.state?.terminated;
  if (before?.containerID !== containerUri(id) && terminated !== undefined) return {terminated};
  return before?.lastState ?? {};
}

function stateOf(record: RuntimeContainer, before: ContainerStatus | undefined): State {
  switch (record.state) {
    case 'running':
      return runningSince(record);
    case 'created':
      return {waiting: {}};
    case 'exited':
      return {terminated: ended(record, before?.state?.terminated)};
    case 'unknown':
      return before?.state?.running === undefined
        ? {waiting: {}}
        : {terminated: lostState('The container could not be located when the pod was terminated')};
  }
}

/** An end does not change; its message may be gone from disk since it was told. */
function ended(record: RuntimeContainer, told: Terminated | undefined): Terminated {
  if (told?.containerID === containerUri(record.id)) return told;
  return {
    exitCode: record.exitCode,
    ...(record.reason === '' ? {} : {reason: record.reason}),
    ...(record.message === '' ? {} : {message: record.message}),
    startedAt: timestamp(record.startedAtMs),
    finishedAt: timestamp(record.finishedAtMs),
    containerID: containerUri(record.id),
  };
}

export function lostState(message: string): Terminated {
  return {exitCode: 137, reason: statusUnknown, message};
}

/** The runtime has no container of that name: not yet, or not any more. */
function withoutRecord(
  seen: PodSeen,
  pod: Pod,
  container: Container,
  before: ContainerStatus | undefined,
): ContainerStatus {
  if (before?.state?.terminated !== undefined) return before;
  const waits = pod.spec.initContainers?.length;
  const status: ContainerStatus = {
    ...blank(seen, container),
    restartCount: before?.restartCount ?? 0,
    lastState: before?.lastState ?? {},
    state: {waiting: {reason: waits ? 'PodInitializing' : 'ContainerCreating'}},
  };
  if (before?.state?.running === undefined || status.lastState?.terminated !== undefined) return status;
  const deleted = pod.metadata.deletionTimestamp !== undefined;
  const message =
    'The container could not be located when the pod was deleted.  The container used to be Running';
  return {
    ...status,
    lastState: {terminated: lostState(message)},
    restartCount: status.restartCount + (deleted ? 0 : 1),
  };
}

/** A container that shall start and could not is Waiting, with the reason of the failure. */
function waitingAgain(
  seen: PodSeen,
  pod: Pod,
  container: Container,
  kind: ListKind,
  newest: RuntimeContainer | undefined,
  status: ContainerStatus,
): ContainerStatus {
  if (kind === 'init' && newest?.state === 'exited' && newest.exitCode === 0) return status;
  const done = newest === undefined && hasRegularContainer(pod.spec, seen.runtime);
  if (kind === 'init' && done && !isSidecar(container) && isHearsay(seen, status))
    return {...status, state: {terminated: goneInit}};
  if (pod.metadata.deletionTimestamp !== undefined) return status;
  const failure = seen.startFailures.get(container.name);
  // An ephemeral container starts once.
  const again = newest !== undefined && isReplaced(seen, pod, container, newest);
  const starts =
    kind === 'ephemeral' ? newest === undefined : again || shouldStart(container, pod.spec, newest);
  if (failure === undefined || !starts) return status;
  const {reason, message} = failure;
  const lastState = status.state?.terminated === undefined ? status.lastState : status.state;
  return {...status, lastState, state: {waiting: {reason, ...(message === '' ? {} : {message})}}};
}

/**
 * Nothing is known of an end, or only what the mirror of a static pod says: Kubernetes' kubelet does not go by that
 * (e2e_node, static_pod_test.go).
 */
function isHearsay({isStatic}: PodSeen, {state}: ContainerStatus): boolean {
  return state?.waiting !== undefined || (isStatic && state?.terminated?.exitCode === 0);
}

const goneInit: Terminated = {
  exitCode: 0,
  reason: 'Completed',
  message:
    'Unable to get init container status from container runtime and pod has been initialized, treat it as exited normally',
};

function blank(seen: PodSeen, container: Container): ContainerStatus {
  const volumeMounts = (container.volumeMounts ?? []).map(
    ({name, mountPath, readOnly, recursiveReadOnly: wish = 'Disabled'}) => {
      const recursiveReadOnly =
        wish !== 'Disabled' && seen.recursiveReadOnly === true ? 'Enabled' : 'Disabled';
      return {name, mountPath, ...(readOnly ? {readOnly, recursiveReadOnly} : {})};
    },
  );
  return {
    name: container.name,
    image: container.image ?? '',
    imageID: '',
    ready: false,
    started: false,
    restartCount: 0,
    state: {},
    lastState: {},
    ...(volumeMounts.length === 0 ? {} : {volumeMounts}),
  };
}

function userOf(user: NonNullable<RuntimeContainer['user']>) {
  return {uid: user.uid, gid: user.gid, supplementalGroups: [...user.supplementalGroups]};
}

function containerUri(id: string): string {
  return `containerd://${id}`;
}

import {restartsAfter} from '../../../config/pod/restart-rules.ts';
import type {Container, ContainerStatus, PodSpec} from '../../../lib/kubernetes.ts';
import {isSidecar} from '../actions/restart.ts';
import {restartingAllContainers} from '../actions/restart-all.ts';

export type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

export type PhaseInput = {
  readonly spec: PodSpec;
  /** Of init and regular containers. */
  readonly statuses: readonly ContainerStatus[];
  /** Nothing of the pod will be started again. */
  readonly ended: boolean;
  readonly isStatic: boolean;
  /** A regular container has been started in the present sandbox. */
  readonly hasStarted: boolean;
  /** All containers are ended so that they begin anew: none of their ends is for good. */
  readonly restartingAll: boolean;
};

/** The pod's phase, rule by rule as pkg/kubelet/kubelet_pods.go, getPhase. */
export function phaseOf(input: PhaseInput): Phase {
  const init = countInit(input);
  const sidecars = countSidecars(input);
  const regular = countRegular(input);
  const running = sidecars.running + regular.running;
  const unknown = sidecars.unknown + regular.unknown;
  if (init.failedForGood) return 'Failed';
  if (init.pending || sidecars.waiting + regular.waiting > 0) return 'Pending';
  if (sidecars.pending > 0 && !input.hasStarted) return 'Pending';
  if (running > 0 && unknown === 0) return 'Running';
  if (running === 0 && regular.stopped > 0 && unknown === 0) {
    const outcome = regular.stopped === regular.succeeded ? 'Succeeded' : 'Failed';
    if (input.ended && !input.isStatic) return outcome;
    return regular.stopped === regular.final ? outcome : 'Running';
  }
  return 'Pending';
}

export function isTerminal(phase: string | undefined): boolean {
  return phase === 'Succeeded' || phase === 'Failed';
}

/** The exit code of the container's last end: now, or before it began to wait. */
function endOf(status: ContainerStatus): number | undefined {
  if (status.state?.terminated !== undefined) return status.state.terminated.exitCode;
  return status.state?.waiting === undefined ? undefined : status.lastState?.terminated?.exitCode;
}

function byName({statuses}: PhaseInput, {name}: Container): ContainerStatus | undefined {
  return statuses.find((status) => status.name === name);
}

function comesBack(input: PhaseInput, container: Container, exitCode: number): boolean {
  const {state, lastState} = byName(input, container) ?? {};
  const end = state?.terminated ?? lastState?.terminated;
  return (
    input.restartingAll ||
    end?.reason === restartingAllContainers ||
    restartsAfter(container, input.spec, exitCode)
  );
}

function countInit(input: PhaseInput) {
  let pending = false;
  let failedForGood = false;
  for (const container of (input.spec.initContainers ?? []).filter((c) => !isSidecar(c))) {
    const status = byName(input, container);
    const end = status === undefined ? undefined : endOf(status);
    if (end === undefined) pending = true;
    else if (end !== 0 && !comesBack(input, container, end)) failedForGood = true;
  }
  return {pending, failedForGood};
}

function countSidecars(input: PhaseInput) {
  const counts = {running: 0, waiting: 0, pending: 0, unknown: 0};
  for (const container of (input.spec.initContainers ?? []).filter(isSidecar)) {
    const status = byName(input, container);
    if (status === undefined) counts.unknown++;
    else if (status.state?.running !== undefined) {
      counts.running++;
      if (status.started !== true) counts.pending++;
    } else if (endOf(status) === undefined) {
      counts.pending++;
      if (status.state?.waiting === undefined) counts.unknown++;
      else counts.waiting++;
    }
  }
  return counts;
}

function countRegular(input: PhaseInput) {
  const counts = {running: 0, waiting: 0, stopped: 0, succeeded: 0, final: 0, unknown: 0};
  for (const container of input.spec.containers) {
    const status = byName(input, container);
    const end = status === undefined ? undefined : endOf(status);
    if (status?.state?.running !== undefined) counts.running++;
    else if (end !== undefined) {
      counts.stopped++;
      if (!comesBack(input, container, end)) counts.final++;
      if (status?.state?.terminated?.exitCode === 0) counts.succeeded++;
    } else if (status?.state?.waiting !== undefined) counts.waiting++;
    else counts.unknown++;
  }
  return counts;
}

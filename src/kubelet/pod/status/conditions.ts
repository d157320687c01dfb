import {couldRestartAll} from '../../../config/pod/restart-rules.ts';
import type {Container, ContainerStatus, Pod, PodStatus} from '../../../lib/kubernetes.ts';
import {timestamp} from '../../../lib/time.ts';
import {resizeConditions} from '../../resize/state.ts';
import {isSidecar} from '../actions/restart.ts';
import {allContainersRestarting} from '../actions/restart-all.ts';

export type Condition = NonNullable<PodStatus['conditions']>[number];

export type ConditionInput = {
  readonly pod: Pod;
  readonly nowMs: number;
  readonly phase: string;
  readonly statuses: readonly ContainerStatus[];
  /** The sandbox stands, so containers may start. */
  readonly readyToStart: boolean;
  /** A container has ended in a way that begins all of them anew. */
  readonly restartingAll: boolean;
  /** Conditions as they were last told. */
  readonly old: readonly Condition[];
  /** Of a resize that waits or goes on. */
  readonly resize: readonly Condition[];
  readonly disruption?: {readonly reason: string; readonly message: string};
};

type Judgement = {readonly status: 'True' | 'False'; readonly reason?: string; readonly message?: string};

/** The kubelet's own (pkg/kubelet/types/pod_status.go). */
export const kubeletConditions: readonly string[] = [
  'PodReadyToStartContainers',
  'Initialized',
  'Ready',
  'ContainersReady',
  'PodScheduled',
  allContainersRestarting,
  ...resizeConditions,
];

/** All conditions of the pod: those of others as they are, the kubelet's own by the rules of status/generate.go. */
export function podConditions(input: ConditionInput): Condition[] {
  const {pod, old} = input;
  // A readiness gate's condition is somebody else's: the API's copy is the current one.
  const foreign = (pod.status?.conditions ?? []).filter((c) => !kubeletConditions.includes(c.type));
  const disruption = disruptionOf(input);
  const others = disruption === undefined ? foreign : foreign.filter((c) => c.type !== disruption.type);
  const containersReady = judgeContainers(input);
  const make = (type: string, judged: Judgement) => condition(input, type, judged);
  return [
    ...others,
    ...(disruption === undefined ? [] : [disruption]),
    make('PodReadyToStartContainers', {status: input.readyToStart ? 'True' : 'False'}),
    make('Initialized', judgeInitialized(input, old)),
    make('Ready', judgeReady(input, containersReady, others)),
    make('ContainersReady', containersReady),
    make('PodScheduled', {status: 'True'}),
    ...(couldRestartAll(pod.spec) ? [make(allContainersRestarting, judgeRestartingAll(input))] : []),
    ...input.resize,
  ];
}

function judgeRestartingAll({phase, restartingAll}: ConditionInput): Judgement {
  if (phase === 'Succeeded') return {status: 'False', reason: 'PodCompleted'};
  if (phase === 'Failed') return {status: 'False', reason: 'PodFailed'};
  if (!restartingAll) return {status: 'False'};
  return {
    status: 'True',
    reason: 'RestartAllContainersStarted',
    message: 'container exited with restart policy rule',
  };
}

/** lastTransitionTime moves only with the status. */
function condition(input: ConditionInput, type: string, judged: Judgement): Condition {
  const before = input.old.find((c) => c.type === type);
  const generation = input.pod.metadata.generation;
  return {
    type,
    ...judged,
    lastTransitionTime:
      before?.status === judged.status && before.lastTransitionTime !== undefined
        ? before.lastTransitionTime
        : timestamp(input.nowMs),
    ...(generation === undefined ? {} : {observedGeneration: generation}),
  };
}

function disruptionOf(input: ConditionInput): Condition | undefined {
  if (input.disruption === undefined) return undefined;
  return condition(input, 'DisruptionTarget', {status: 'True', ...input.disruption});
}

function judgeContainers({pod, phase, statuses}: ConditionInput): Judgement {
  const needed = [...(pod.spec.initContainers ?? []).filter(isSidecar), ...pod.spec.containers];
  const {unknown, failing} = sort(needed, statuses, (_, status) => status.ready);
  if (phase === 'Failed') return {status: 'False', reason: 'PodFailed'};
  if (phase === 'Succeeded' && unknown.length === 0) return {status: 'False', reason: 'PodCompleted'};
  return judgement(unknown, failing, 'unready', 'ContainersNotReady');
}

function judgeInitialized({pod, phase, statuses}: ConditionInput, old: readonly Condition[]): Judgement {
  const {unknown, failing} = sort(pod.spec.initContainers ?? [], statuses, (container, status) =>
    isSidecar(container) ? status.started === true : status.ready,
  );
  if (phase === 'Succeeded' && unknown.length === 0) return {status: 'True', reason: 'PodCompleted'};
  const wasInitialized = old.some((c) => c.type === 'Initialized' && c.status === 'True');
  if (wasInitialized) return {status: 'True'};
  if (statuses.some((s) => pod.spec.containers.some((c) => c.name === s.name) && hasStarted(s)))
    return {status: 'True'};
  return judgement(unknown, failing, 'incomplete', 'ContainersNotInitialized');
}

function judgeReady(
  {pod}: ConditionInput,
  containers: Judgement,
  conditions: readonly Condition[],
): Judgement {
  if (containers.status !== 'True') return containers;
  const messages = (pod.spec.readinessGates ?? []).flatMap(({conditionType}) => {
    const found = conditions.find((c) => c.type === conditionType);
    if (found?.status === 'True') return [];
    return found === undefined
      ? [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`]
      : [`the status of pod readiness gate "${conditionType}" is not "True", but ${found.status}`];
  });
  if (messages.length === 0) return {status: 'True'};
  return {status: 'False', reason: 'ReadinessGatesNotReady', message: messages.join(', ')};
}

export function hasStarted(status: ContainerStatus): boolean {
  return (
    status.state?.running !== undefined ||
    status.state?.terminated !== undefined ||
    status.lastState?.terminated !== undefined
  );
}

function sort(
  containers: readonly Container[],
  statuses: readonly ContainerStatus[],
  good: (container: Container, status: ContainerStatus) => boolean,
) {
  const unknown: string[] = [];
  const failing: string[] = [];
  for (const container of containers) {
    const status = statuses.find((s) => s.name === container.name);
    if (status === undefined) unknown.push(container.name);
    else if (!good(container, status)) failing.push(container.name);
  }
  return {unknown, failing};
}

function judgement(
  unknown: readonly string[],
  failing: readonly string[],
  word: string,
  reason: string,
): Judgement {
  const messages = [
    ...(unknown.length > 0 ? [`containers with unknown status: [${unknown.join(' ')}]`] : []),
    ...(failing.length > 0 ? [`containers with ${word} status: [${failing.join(' ')}]`] : []),
  ];
  if (messages.length === 0) return {status: 'True'};
  return {status: 'False', reason, message: messages.join(', ')};
}

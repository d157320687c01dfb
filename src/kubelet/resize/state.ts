import type {Pod, PodStatus} from '../../lib/kubernetes.ts';

type Condition = NonNullable<PodStatus['conditions']>[number];

/** A resize that waits (Deferred) or can never be (Infeasible). */
export type Pending = {
  readonly reason: 'Deferred' | 'Infeasible';
  readonly message: string;
  readonly generation: number | undefined;
  readonly sinceMs: number;
};

/** A resize that was agreed to and is being done. */
export type Progress = {
  readonly generation: number | undefined;
  readonly sinceMs: number;
  /** Why the last try failed, and when the next one is due (monotonic). */
  readonly error?: string;
  readonly retryAtMs?: number;
};

export type ResizeState = {readonly pending?: Pending; readonly progress?: Progress};

export const resizeConditions = ['PodResizePending', 'PodResizeInProgress'] as const;

/** As an earlier kubelet told it. */
export function resizeStateOf({status}: Pod): ResizeState {
  const find = (type: string) => status?.conditions?.find((c) => c.type === type);
  const [pending, progress] = resizeConditions.map(find);
  return {
    ...(pending === undefined
      ? {}
      : {
          pending: {
            reason: pending.reason === 'Infeasible' ? 'Infeasible' : 'Deferred',
            message: pending.message ?? '',
            ...since(pending),
          },
        }),
    ...(progress === undefined
      ? {}
      : {
          progress: {
            ...since(progress),
            ...(progress.message === undefined ? {} : {error: progress.message}),
          },
        }),
  };
}

function since({lastTransitionTime, observedGeneration}: Condition) {
  return {generation: observedGeneration, sinceMs: Date.parse(lastTransitionTime ?? '') || 0};
}

/** The event's text: what is wanted of each container (pkg/kubelet/events, resize.go). */
export function resizeMessage(what: string, pod: Pod, generation: number | undefined, error = ''): string {
  const of = (containers: Pod['spec']['containers'] | undefined) =>
    containers?.map(({name, resources = {}}) => ({name, resources}));
  const summary = {
    initContainers: of(pod.spec.initContainers),
    containers: of(pod.spec.containers),
    generation: generation ?? 0,
    ...(error === '' ? {} : {error}),
  };
  return `${what}: ${JSON.stringify(summary)}`;
}

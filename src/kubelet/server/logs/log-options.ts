import type {ContainerStatus, Pod} from '../../../lib/kubernetes.ts';

export type LogOptions = {
  readonly follow: boolean;
  readonly previous: boolean;
  readonly timestamps: boolean;
  readonly tailLines?: number;
  readonly limitBytes?: number;
  /** Wall clock in milliseconds: older lines are left out. */
  readonly sinceMs?: number;
  readonly stream: 'All' | 'Stdout' | 'Stderr';
};

/** Options, or the HTTP answer that says what is wrong with them. */
export type ParsedLogOptions =
  | {readonly options: LogOptions}
  | {readonly code: 400 | 422; readonly message: string};

const undecodable = {code: 400, message: '{"message": "Unable to decode query."}'} as const;
const invalid = {code: 422, message: '{"message": "Invalid request."}'} as const;

/** PodLogOptions of a query (core/v1), with its validation (pkg/apis/core/validation ValidatePodLogOptions). */
export function parseLogOptions(query: URLSearchParams, nowMs: number): ParsedLogOptions {
  const tail = query.get('tail');
  const tailLines = number(tail === null ? query.get('tailLines') : tail === 'all' ? null : tail);
  const limitBytes = number(query.get('limitBytes'));
  const sinceSeconds = number(query.get('sinceSeconds'));
  const sinceTime = query.get('sinceTime') ?? '';
  const sinceTimeMs = sinceTime === '' ? undefined : Date.parse(sinceTime);
  const stream = query.get('stream') ?? 'All';
  if ([tailLines, limitBytes, sinceSeconds, sinceTimeMs].some(Number.isNaN)) return undecodable;
  if ((tailLines ?? 0) < 0 || (limitBytes ?? 1) < 1 || (sinceSeconds ?? 1) < 1) return invalid;
  if (sinceSeconds !== undefined && sinceTimeMs !== undefined) return invalid;
  if (stream !== 'All' && stream !== 'Stdout' && stream !== 'Stderr') return invalid;
  // A part of a stream has no defined tail.
  if (stream !== 'All' && tailLines !== undefined) return invalid;
  const sinceMs = sinceSeconds === undefined ? sinceTimeMs : nowMs - sinceSeconds * 1000;
  return {
    options: {
      follow: bool(query.get('follow')),
      previous: bool(query.get('previous')),
      timestamps: bool(query.get('timestamps')),
      stream,
      ...(tailLines === undefined ? {} : {tailLines}),
      ...(limitBytes === undefined ? {} : {limitBytes}),
      ...(sinceMs === undefined ? {} : {sinceMs}),
    },
  };
}

/** Go's query decoder: an empty value counts as not given; anything but a whole number is an error. */
function number(text: string | null): number | undefined {
  if (text === null || text === '') return undefined;
  return /^-?\d+$/.test(text) ? Number(text) : Number.NaN;
}

/** Anything but false and 0 is true, as runtime.Convert_Slice_string_To_bool says; `?follow` alone too. */
function bool(text: string | null): boolean {
  return text !== null && !['false', '0'].includes(text.toLowerCase());
}

/** Why a container has no log to show; undefined when it has one (kubelet_pods.go validateContainerLogStatus). */
export function logProblem(pod: Pod, container: string, previous: boolean): string | undefined {
  const named = `container "${container}" in pod "${pod.metadata.name}"`;
  const status = statusOf(pod, container);
  if (status === undefined) return `${named} is not available`;
  const last = status.lastState?.terminated?.containerID ?? '';
  const {waiting, running, terminated} = status.state ?? {};
  if (previous) return last === '' ? `previous terminated ${named} not found` : undefined;
  if (running !== undefined) return undefined;
  if (terminated !== undefined)
    return (terminated.containerID ?? '') === '' && last === '' ? `${named} is terminated` : undefined;
  if (status.lastState?.terminated !== undefined) return last === '' ? `${named} is terminated` : undefined;
  switch (waiting?.reason) {
    case undefined:
      return `${named} is waiting to start - no logs yet`;
    case 'ErrImagePull':
      return `${named} is waiting to start: image can't be pulled`;
    case 'ImagePullBackOff':
      return `${named} is waiting to start: trying and failing to pull image`;
    default:
      return `${named} is waiting to start: ${waiting?.reason}`;
  }
}

/** The id of the container whose log is shown, without its `containerd://`. */
export function loggedContainer(pod: Pod, container: string, previous: boolean): string | undefined {
  const status = statusOf(pod, container);
  const last = status?.lastState?.terminated?.containerID;
  const now =
    status?.state?.terminated?.containerID || (status?.state?.running && status.containerID) || last;
  return (previous ? last : now)?.replace(/^[^:]*:\/\//, '');
}

function statusOf(pod: Pod, container: string): ContainerStatus | undefined {
  const {
    containerStatuses = [],
    initContainerStatuses = [],
    ephemeralContainerStatuses = [],
  } = pod.status ?? {};
  return [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses].find(
    ({name}) => name === container,
  );
}

/** Whether the pod's spec has such a container, of any kind. */
export function hasContainer(pod: Pod, container: string): boolean {
  const {containers, initContainers = [], ephemeralContainers = []} = pod.spec;
  return [...containers, ...initContainers, ...ephemeralContainers].some(({name}) => name === container);
}

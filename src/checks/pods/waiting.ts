import type {Code} from '../../lib/codes/catalogue.ts';
import type {Pod} from '../../lib/kubernetes.ts';
import {type Finding, warning} from '../check.ts';
import {startCause} from './causes/start-cause.ts';

export type Waiting = {
  /** `namespace/name` */
  readonly pod: string;
  readonly container: string;
  readonly reason: string;
  readonly message: string;
  readonly ageMs: number;
  /** How its container ended last: `OOMKilled`. */
  readonly ended?: string;
  /** How it ended: `exit 3`, or what kept it from starting. */
  readonly endedBy?: string;
  /** As the container asks for it. */
  readonly image?: string;
};

/** What checks of pods wait for before they look: without a kubelet the statuses are old. */
export const podCauses = [
  'DiskRoom',
  'ContainerRuntime',
  'RuntimeReady',
  'CNIConfig',
  'PodNetwork',
  'KubeletService',
  'KubeletHealth',
  'NodeObject',
];

export function podName({metadata: {namespace, name}}: Pod): string {
  return `${namespace}/${name}`;
}

/** Containers that do not run yet, of pods that should; a pod without statuses waits as a whole. */
export function waitingContainers(pods: readonly Pod[], nowMs: number): Waiting[] {
  return pods.filter(isWanted).flatMap((pod) => {
    const {status} = pod;
    const ageMs = nowMs - Date.parse(status?.startTime ?? pod.metadata.creationTimestamp ?? '');
    const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
    if (all.length === 0)
      return [
        {
          pod: podName(pod),
          container: '',
          reason: status?.reason ?? 'Pending',
          message: status?.message ?? '',
          ageMs,
        },
      ];
    return all.flatMap(({name, state, lastState}) =>
      state?.waiting === undefined || state.waiting === null
        ? []
        : [
            {
              pod: podName(pod),
              container: name,
              reason: state.waiting.reason ?? 'Waiting',
              message: state.waiting.message ?? '',
              ageMs,
              ended: lastState?.terminated?.reason ?? '',
              ...endOf(lastState?.terminated),
              image: imageOf(pod, name),
            },
          ],
    );
  });
}

type End = {readonly exitCode: number; readonly signal?: number; readonly message?: string};

function endOf(end: End | null | undefined): Pick<Waiting, 'endedBy'> {
  if (end === undefined || end === null) return {};
  return {endedBy: startCause(end.message ?? '')?.what ?? exitText(end.exitCode)};
}

/** What 128 and more are: a signal, by the numbers that every Linux has for these. */
const signals: Readonly<Record<number, string>> = {
  4: 'ILL',
  6: 'ABRT',
  7: 'BUS',
  8: 'FPE',
  9: 'KILL',
  11: 'SEGV',
  15: 'TERM',
};

function exitText(code: number): string {
  const signal = signals[code - 128];
  return signal === undefined ? `exit ${code}` : `exit ${code}, SIG${signal}`;
}

function imageOf({spec}: Pod, container: string): string {
  return (
    [...spec.containers, ...(spec.initContainers ?? [])].find(({name}) => name === container)?.image ?? ''
  );
}

function isWanted({metadata, status}: Pod): boolean {
  return metadata.deletionTimestamp === undefined && !['Succeeded', 'Failed'].includes(status?.phase ?? '');
}

/** One finding for all that have the same trouble, with the first of them in full. */
export function together(
  code: Code,
  waiting: readonly Waiting[],
  what: (first: Waiting, count: number) => string,
  next: (first: Waiting) => string | readonly string[],
): readonly Finding[] {
  const [first] = waiting;
  if (first === undefined) return [];
  const pods = new Set(waiting.map(({pod}) => pod));
  const details = waiting
    .slice(0, 3)
    .map((w) => `${w.pod}: ${w.reason}${w.message === '' ? '' : `: ${w.message}`}`);
  const more = waiting.length > 3 ? [`and ${waiting.length - 3} more`] : [];
  return [warning(code, [what(first, pods.size), ...details, ...more].join('\n'), ...[next(first)].flat())];
}

/** `kubectl describe pod -n ns name` */
export function describe({pod}: Waiting): string {
  const [namespace = '', name = ''] = pod.split('/');
  return `kubectl -n ${namespace} describe pod ${name}`;
}

/** Of several, each is told by its cause in a few words; the words of all of them would fill the screen. */
export function briefly(
  waiting: readonly Waiting[],
  cause: (one: Waiting) => string | undefined = ({message}) => startCause(message)?.what,
): readonly Waiting[] {
  return waiting.length < 2 ? waiting : waiting.map((one) => ({...one, message: cause(one) ?? one.message}));
}

/** `: why`, and what leads on, where all of them have the same known cause. */
export function withCause(waiting: readonly Waiting[]) {
  const causes = waiting.map(({message}) => startCause(message));
  const [cause] = causes;
  const same = cause !== undefined && causes.every((other) => other?.what === cause.what);
  return {
    why: same ? `: ${cause.what}` : '',
    next: (first: Waiting) => [...(same && cause.next !== undefined ? [cause.next] : []), describe(first)],
  };
}

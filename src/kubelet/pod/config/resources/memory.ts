import type {Pod, PodStatus} from '../../../../lib/kubernetes.ts';
import type {ResizeState} from '../../../resize/state.ts';
import type {ResizeTrigger} from '../../../stats/metrics/pods/resize-metrics.ts';
import {CrashBackoffs} from '../../actions/crash-backoff.ts';
import type {StartFailure, Stopping, Verdict} from '../../seen.ts';

export type VolumesState =
  | {readonly state: 'none' | 'preparing' | 'ready'}
  | {
      readonly state: 'failed';
      readonly message: string;
      readonly failures: number;
      readonly retryAtMs: number;
    };

/** `key`: what the container was then (`crashKey`); as something else it is tried at once. */
export type FailedStart = StartFailure & {readonly key: string; readonly retryAtMs?: number};

/** A stop under way; `jobs`: how many calls wait for its end. */
export type ContainerStop = Stopping & {
  jobs: number;
  /** The hook has run, and it is the container's turn. */
  readonly ready: PromiseWithResolvers<void>;
  readonly ended: PromiseWithResolvers<void>;
};

/** What the kubelet remembers of a pod between rounds. Losing all of it costs time, never a container. */
export type PodMemory = {
  readonly uid: string;
  lastPod: Pod | undefined;
  status: PodStatus | undefined;
  /** The node has room for it; said once. */
  admitted: boolean;
  verdict: Verdict | undefined;
  local: 'unknown' | 'prepared' | 'clean';
  /** As was decided last. */
  ending: boolean;
  volumes: VolumesState;
  objectDeleted: boolean;
  /** Ends when the pod's volumes and images are no longer wanted. */
  preparing: AbortController | undefined;
  readonly startFailures: Map<string, FailedStart>;
  readonly crashes: CrashBackoffs;
  readonly stopping: Map<string, ContainerStop>;
  readonly told: Set<string>;
  /** Undefined until the pod was looked at. */
  resize: ResizeState | undefined;
  /** What made its resize be looked at again, until that was done. */
  wokenBy: ResizeTrigger | undefined;
  readonly restarting: Set<string>;
};

export function newMemory(uid: string, maxRestartMs: number): PodMemory {
  return {
    uid,
    lastPod: undefined,
    status: undefined,
    admitted: false,
    verdict: undefined,
    local: 'unknown',
    ending: false,
    volumes: {state: 'none'},
    objectDeleted: false,
    preparing: undefined,
    startFailures: new Map(),
    crashes: new CrashBackoffs(maxRestartMs),
    stopping: new Map(),
    told: new Set(),
    resize: undefined,
    wokenBy: undefined,
    restarting: new Set(),
  };
}

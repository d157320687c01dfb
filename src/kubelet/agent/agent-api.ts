import type {Pod} from '../../lib/kubernetes.ts';
import type {ActivePod} from '../admission/types.ts';
import type {Reclaim} from '../eviction/reclaim.ts';
import type {Verdict} from '../pod/seen.ts';
import type {PodRuntime} from '../pod/status/runtime-state.ts';
import type {VolumeUsage} from '../volumes/types.ts';

export type RuntimeReadiness = {
  /** The runtime and its network have answered and are ready, and what runs has been read lately. */
  readonly ok: boolean;
  /** False until the runtime has answered well and what runs has been read, once each: before that nothing is known. */
  readonly seen: boolean;
  /** For the Ready condition's message; empty when ok. */
  readonly reason: string;
  /** False while the runtime says that CNI is not initialised (hostNetwork pods still run). */
  readonly networkReady: boolean;
};

export type Allocated = {
  readonly pods: number;
  readonly cpuMilli: number;
  readonly memoryBytes: number;
};

export type WorkingPod = {
  /** Undefined for what was only ever seen in the runtime. */
  readonly pod: Pod | undefined;
  readonly config: 'desired' | 'orphan' | 'runtime_only';
  readonly lifecycle: 'sync' | 'terminating' | 'terminated';
};

/** What the rest of the kubelet (the :10250 server, the Node status, eviction) may ask of the pods on this node. */
export type PodAgent = {
  /** Resolves when every source has told its pods and what runs has been read once. */
  readonly synced: Promise<void>;
  /** What this node has, with the status as last computed; static pods included. */
  pods(): readonly Pod[];
  find(namespace: string, name: string, uid?: string): Pod | undefined;
  /** The runtime's id (no `containerd://`) of the container of that name that runs. */
  containerId(namespace: string, pod: string, container: string, uid?: string): string | undefined;
  /** The runtime's id of the pod's sandbox that is ready (port-forward). */
  sandboxId(namespace: string, pod: string, uid?: string): string | undefined;
  /** The log file of the run of a container that its status tells of, or of the one before it. */
  logPath(
    namespace: string,
    pod: string,
    container: string,
    previous: boolean,
    uid?: string,
  ): string | undefined;
  /** What is worked on, also for pods that no source knows any more. */
  working(): readonly WorkingPod[];
  /** Static pods that the API shows by a mirror. */
  mirrors(): number;
  runtimeReady(): RuntimeReadiness;
  /** Requests of all pods that are not terminal. */
  allocated(): Allocated;
  /** Pods that were admitted and have not come to their end. */
  active(): readonly ActivePod[];
  /** What the runtime has of a pod, as last read. */
  runtimeOf(uid: string): PodRuntime | undefined;
  /** How full the volumes of a pod are, by their names in it; those that cannot tell are left out. */
  volumeUsage(pod: Pod, signal: AbortSignal): Promise<ReadonlyMap<string, VolumeUsage>>;
  /** Asks for the end of a pod with a terminal status (eviction, shutdown); it is not started again. */
  end(uid: string, verdict: Verdict): void;
  /** What the pod's volumes or its start waited for may be there: it is tried at once. */
  retry(uid: string): void;
  /** Nothing of the pod runs any more, and its volumes and its cgroup are gone. */
  isCleanedUp(uid: string): boolean;
  /** Cleaned up, and the API server knows its end: `reclaim` removes what is left of it. */
  isOver(uid: string): boolean;
  /** Removes what nobody needs, so that no pod has to go. */
  reclaim(what: Reclaim): Promise<void>;
  /** Ends the agent's own work. No container is touched. */
  stop(): Promise<void>;
};

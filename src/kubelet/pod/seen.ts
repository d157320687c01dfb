import type {ContainerStatus, Pod, PodStatus} from '../../lib/kubernetes.ts';
import type {Allocation} from '../resize/allocation.ts';
import type {ResizeState} from '../resize/state.ts';
import type {ResourceFacts} from './config/resources/resources.ts';
import type {ImageUser} from './config/security/security.ts';
import type {PodRuntime} from './status/runtime-state.ts';

/** Why a container could not be started last time: its Waiting reason until it starts. */
export type StartFailure = {
  readonly reason: string;
  readonly message: string;
  /** Set where nothing else says when the next try is due. */
  readonly retryInMs?: number;
};

/** What the runtime calls an image, and the user that it names. */
export type PresentImage = {readonly ref: string; readonly user: ImageUser};

export type AllocatedResources = NonNullable<ContainerStatus['allocatedResourcesStatus']>;

/** `asked`: the image that the container had when it was got. */
export type ImageSeen = {readonly asked?: string} & ImageState;

type ImageState =
  | {readonly state: 'absent'}
  /** `after`: what went wrong at the last try. */
  | {readonly state: 'pulling'; readonly after?: StartFailure}
  | {readonly state: 'ready'; readonly image: PresentImage}
  | {readonly state: 'failed'; readonly reason: string; readonly message: string; readonly retryInMs: number};

export type VolumesSeen =
  | {readonly state: 'none' | 'preparing' | 'ready'}
  | {readonly state: 'failed'; readonly message: string; readonly retryInMs: number};

export type ProbeResult = 'success' | 'failure' | 'unknown';

/** Results of one running container; a field is undefined where there is no such probe. */
export type ProbesSeen = {
  readonly startup?: ProbeResult;
  readonly liveness?: ProbeResult;
  readonly readiness?: ProbeResult;
};

/** The pod shall end although its object does not say so. */
export type Verdict = {
  readonly reason: string;
  readonly message: string;
  /** Undefined: the pod's own grace period. */
  readonly graceSeconds?: number;
  /** A pod that was never admitted: nothing of it was made. */
  readonly rejected?: true;
  /** The pod has failed, however its containers end. */
  readonly failed?: true;
  readonly disruption?: string;
  /** For the DisruptionTarget condition, where it says more than `message`. */
  readonly disruptionMessage?: string;
};

/** A kill under way, and when its grace ends (monotonic). */
export type Stopping = {
  readonly endsAtMs: number;
  /** It ends because the pod or its sandbox does, and nothing beside it starts again meanwhile. */
  readonly forGood?: boolean;
};

export type CrashBackoff = {readonly delayMs: number; readonly remainingMs: number};

/** Everything a round knows of one pod. Nothing else may influence a decision. */
export type PodSeen = {
  readonly uid: string;
  /** Wall clock in milliseconds. */
  readonly nowMs: number;
  /** Monotonic milliseconds. */
  readonly monotonicMs: number;
  /** What the sources say, with the resources that it was given; undefined: no source knows this UID. */
  readonly pod: Pod | undefined;
  /** What they said last, of a pod that they no longer know. */
  readonly lastPod: Pod | undefined;
  /** False while the pod waits to be judged, or for room that is made for it. */
  readonly admitted: boolean;
  /** Every source has told all it has: what none of them knows is an orphan. */
  readonly sourcesSynced: boolean;
  readonly isStatic: boolean;
  readonly runtime: PodRuntime;
  /** By container id. */
  readonly probes: ReadonlyMap<string, ProbesSeen>;
  /** By container name. */
  readonly images: ReadonlyMap<string, ImageSeen>;
  readonly volumes: VolumesSeen;
  /** The pod's runtime can make whole trees of mounts read-only; asked only where the pod wants that. */
  readonly recursiveReadOnly?: boolean;
  /** By container name: devices that it was given, and whether they are well. */
  readonly devices?: ReadonlyMap<string, AllocatedResources>;
  /** By container name: why it cannot start before a device plugin is there again. */
  readonly awaitedDevices?: ReadonlyMap<string, string>;
  /** It has claims that are to be given back when nothing of it runs any more. */
  readonly holdsClaims?: boolean;
  /** By container name: starts that failed since the last success. */
  readonly startFailures: ReadonlyMap<string, StartFailure>;
  /** By container name: restarts that must still wait. */
  readonly crashes: ReadonlyMap<string, CrashBackoff>;
  readonly verdict: Verdict | undefined;
  /** Kills under way, by container id. */
  readonly stopping: ReadonlyMap<string, Stopping>;
  /** Why no pod can have a network just now. */
  readonly networkProblem: string | undefined;
  /** Whether cgroup, directories and volumes stand. After a restart of the kubelet: unknown. */
  readonly local: 'unknown' | 'prepared' | 'clean';
  /** The status last computed here; the API's where this kubelet has not computed one yet. */
  readonly status: PodStatus | undefined;
  /** What the API server is known to have. */
  readonly written: PodStatus | undefined;
  /** The API server was asked to remove the object. */
  readonly objectDeleted: boolean;
  /** Keys of events that were told already. */
  readonly told: ReadonlySet<string>;
  readonly hostIps: readonly string[];
  readonly resources: ResourceFacts;
  /** What the runtime was told of the pod's resources; undefined before anything was given. */
  readonly actuated: Allocation | undefined;
  readonly resize: ResizeState;
  /** When the next try of a resize that failed is due; 0: now. */
  readonly resizeInMs: number;
  /** Containers that were ended so that they start again, whatever their exit says. */
  readonly restarting: ReadonlySet<string>;
};

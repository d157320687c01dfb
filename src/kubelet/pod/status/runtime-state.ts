/** What the runtime has of a pod, as data. Lists are newest first. */
export type ContainerStateName = 'created' | 'running' | 'exited' | 'unknown';

export type RuntimeUser = {
  readonly uid: number;
  readonly gid: number;
  readonly supplementalGroups: readonly number[];
};

/** What the runtime has set; undefined where there is no limit. */
export type RuntimeResources = {
  readonly cpuRequestMilli?: number;
  readonly cpuLimitMilli?: number;
  readonly memoryLimitBytes?: number;
};

export type RuntimeContainer = {
  readonly id: string;
  readonly name: string;
  readonly sandboxId: string;
  /** metadata.attempt, which is the restart count at its start. */
  readonly attempt: number;
  readonly state: ContainerStateName;
  /** Wall clock, milliseconds; 0 where it does not apply. */
  readonly createdAtMs: number;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly exitCode: number;
  readonly reason: string;
  readonly message: string;
  readonly image: string;
  readonly imageRef: string;
  readonly logPath: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly user: RuntimeUser | undefined;
  /** Undefined where the runtime does not tell. */
  readonly resources?: RuntimeResources;
};

export type RuntimeSandbox = {
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  readonly attempt: number;
  readonly ready: boolean;
  readonly createdAtMs: number;
  readonly ips: readonly string[];
  readonly hostNetwork: boolean;
};

export type PodRuntime = {
  readonly sandboxes: readonly RuntimeSandbox[];
  readonly containers: readonly RuntimeContainer[];
};

export const nothingRuns: PodRuntime = {sandboxes: [], containers: []};

/** The newest container of that name, whatever its sandbox. */
export function newestContainer(runtime: PodRuntime, name: string): RuntimeContainer | undefined {
  return runtime.containers.find((container) => container.name === name);
}

/** Whether something of the pod still runs, or may. */
export function isAlive(container: RuntimeContainer): boolean {
  return container.state === 'running' || container.state === 'unknown';
}

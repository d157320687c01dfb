import type {Cri} from '../../edges/cri/client.ts';
import type {HostUsage} from '../../edges/host-usage.ts';
import type {Pod} from '../../lib/kubernetes.ts';

export type Sample = {
  readonly timeMs: number;
  /** Since the container started. */
  readonly cpuSeconds: number;
  /** Over the last moments; undefined before a second sample. */
  readonly nanoCores?: number;
  readonly workingSetBytes: number;
  readonly usageBytes?: number;
  readonly rssBytes?: number;
};

export type ContainerUsage = Sample & {
  readonly name: string;
  readonly id: string;
  readonly startTime?: string;
  readonly layerBytes?: number;
  readonly layerInodes?: number;
};

export type PodUsage = {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly startTime?: string;
  readonly containers: readonly ContainerUsage[];
};

export type Usage = {readonly timeMs: number; readonly host: HostUsage; readonly pods: readonly PodUsage[]};

const statsTimeoutMs = 10_000;
const nanosPerSecond = 1e9;

/** One reading of all containers, from one call to the runtime. */
export async function readContainerUsage(cri: Cri, pods: readonly Pod[]): Promise<PodUsage[]> {
  const {stats} = await cri.runtime.listContainerStats({}, {timeoutMs: statsTimeoutMs});
  const byPod = new Map<string, ContainerUsage[]>();
  for (const stat of stats) {
    const uid = stat.attributes?.labels['io.kubernetes.pod.uid'];
    // Without a counter the container does not run any more.
    if (uid === undefined || stat.cpu?.usageCoreNanoSeconds === undefined) continue;
    const usage = {
      name: stat.attributes?.metadata?.name ?? '',
      id: stat.attributes?.id ?? '',
      timeMs: Number(stat.cpu.timestamp / 1_000_000n),
      cpuSeconds: Number(stat.cpu.usageCoreNanoSeconds.value) / nanosPerSecond,
      ...defined('nanoCores', stat.cpu.usageNanoCores?.value),
      workingSetBytes: Number(stat.memory?.workingSetBytes?.value ?? 0n),
      ...defined('usageBytes', stat.memory?.usageBytes?.value),
      ...defined('rssBytes', stat.memory?.rssBytes?.value),
      ...defined('layerBytes', stat.writableLayer?.usedBytes?.value),
      ...defined('layerInodes', stat.writableLayer?.inodesUsed?.value),
    };
    byPod.set(uid, [...(byPod.get(uid) ?? []), usage]);
  }
  return pods.flatMap((pod) => {
    const containers = byPod.get(pod.metadata.uid);
    return containers === undefined ? [] : [podUsage(pod, containers)];
  });
}

function podUsage(pod: Pod, containers: readonly ContainerUsage[]): PodUsage {
  const {name, namespace, uid} = pod.metadata;
  const {startTime} = pod.status ?? {};
  return {
    name,
    namespace,
    uid,
    ...(startTime === undefined ? {} : {startTime}),
    containers: containers.map((container) => {
      const started = startOf(pod, container.name);
      return started === undefined ? container : {...container, startTime: started};
    }),
  };
}

function startOf(pod: Pod, container: string): string | undefined {
  const {
    containerStatuses = [],
    initContainerStatuses = [],
    ephemeralContainerStatuses = [],
  } = pod.status ?? {};
  return [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses].find(
    ({name}) => name === container,
  )?.state?.running?.startedAt;
}

function defined<Name extends string>(name: Name, value: bigint | undefined): Partial<Record<Name, number>> {
  if (value === undefined) return {};
  const found: Partial<Record<Name, number>> = {};
  found[name] = Number(value);
  return found;
}

/** Turns counters into rates: runtimes before containerd 1.7 tell none. */
export class CpuRates {
  #last: ReadonlyMap<string, Sample> = new Map();

  /** The same pods with the rate since the reading before; keys that are gone are forgotten. */
  rate(pods: readonly PodUsage[]): PodUsage[] {
    const next = new Map<string, Sample>();
    const rated = pods.map((pod) => ({
      ...pod,
      containers: pod.containers.map((container) => {
        const nanoCores = container.nanoCores ?? this.#since(container);
        const known = {...container, ...(nanoCores === undefined ? {} : {nanoCores})};
        next.set(container.id, known);
        return known;
      }),
    }));
    this.#last = next;
    return rated;
  }

  #since({id, timeMs, cpuSeconds}: ContainerUsage): number | undefined {
    const last = this.#last.get(id);
    if (last === undefined) return undefined;
    const elapsedMs = timeMs - last.timeMs;
    // The runtime answered from its cache: the rate is still what it was.
    if (elapsedMs <= 0) return last.nanoCores;
    return Math.max(0, Math.round(((cpuSeconds - last.cpuSeconds) * nanosPerSecond * 1000) / elapsedMs));
  }
}

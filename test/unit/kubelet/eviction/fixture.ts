import type {CgroupSample} from '../../../../src/edges/cgroups/cgroup-sample.ts';
import type {
  ContainerStats,
  DiskStats,
  Measured,
  PodStats,
  Snapshot,
  SpaceStats,
} from '../../../../src/kubelet/stats/types.ts';
import type {Pod, PodSpec} from '../../../../src/lib/kubernetes.ts';

export const mi = 1024 * 1024;
export const gi = 1024 * mi;

export function measured(
  workingSetBytes: number,
  timeMs = 1_000,
  over: Partial<CgroupSample> = {},
): Measured {
  return {
    timeMs,
    sample: {
      io: [],
      limits: {},
      cpu: {usageNs: 0, userNs: 0, systemNs: 0},
      memory: {
        usageBytes: workingSetBytes,
        workingSetBytes,
        rssBytes: 0,
        cacheBytes: 0,
        mappedFileBytes: 0,
        activeFileBytes: 0,
        inactiveFileBytes: 0,
        kernelBytes: 0,
        swapBytes: 0,
        failures: 0,
        pageFaults: 0,
        majorPageFaults: 0,
      },
      ...over,
    },
  };
}

export function space(over: Partial<SpaceStats> = {}): SpaceStats {
  return {
    device: '/dev/sda1',
    capacityBytes: 100 * gi,
    availableBytes: 50 * gi,
    inodes: 1_000_000,
    inodesFree: 500_000,
    usedBytes: 50 * gi,
    inodesUsed: 500_000,
    ...over,
  };
}

export function disks(over: Partial<DiskStats> = {}): DiskStats {
  return {
    timeMs: 1_000,
    node: space(),
    images: space(),
    containers: space(),
    dedicatedImages: false,
    splitContainers: false,
    ...over,
  };
}

export function snapshot(over: Partial<Snapshot> = {}, timeMs = 1_000): Snapshot {
  return {
    timeMs,
    disks: disks({timeMs}),
    pods: [],
    tiers: new Map(),
    node: {
      bootTimeMs: 0,
      cpus: 4,
      memoryCapacityBytes: 8 * gi,
      swapCapacityBytes: 0,
      root: measured(4 * gi, timeMs),
      system: new Map(),
      network: [],
      pids: {max: 32_768, running: 500},
    },
    ...over,
  };
}

export function pod(name: string, spec: Partial<PodSpec> = {}): Pod {
  return {
    metadata: {name, namespace: 'default', uid: `uid-${name}`, resourceVersion: '1'},
    spec: {containers: [{name: 'main', image: 'x'}], ...spec},
  };
}

export function requesting(
  requests: Record<string, string>,
  limits?: Record<string, string>,
): Partial<PodSpec> {
  return {
    containers: [
      {name: 'main', image: 'x', resources: {requests, ...(limits === undefined ? {} : {limits})}},
    ],
  };
}

export function container(over: Partial<ContainerStats> = {}): ContainerStats {
  return {
    name: 'main',
    id: 'c1',
    image: 'x',
    startedAtMs: 0,
    cgroup: '/a/b',
    measured: measured(100 * mi),
    pids: [1],
    rootfs: {usedBytes: 0, inodesUsed: 0},
    logs: {usedBytes: 0, inodesUsed: 0},
    ...over,
  };
}

export function stats(name: string, over: Partial<PodStats> = {}): PodStats {
  return {
    name,
    namespace: 'default',
    uid: `uid-${name}`,
    startTime: undefined,
    cgroup: '/a',
    measured: measured(100 * mi),
    sandbox: undefined,
    network: undefined,
    containers: [container()],
    volumes: [],
    own: {usedBytes: 0, inodesUsed: 0},
    ...over,
  };
}

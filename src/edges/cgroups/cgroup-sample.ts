/** What a cgroup has used and may use, in the same words for cgroup v1 and v2. Counters never fall while it lives. */
export type CgroupSample = {
  readonly cpu?: CpuSample;
  readonly memory?: MemorySample;
  readonly pids?: {readonly current: number; readonly limit?: number};
  readonly io: readonly IoSample[];
  readonly limits: LimitsSample;
  readonly pressure?: Readonly<Partial<Record<PressureResource, PressureSample>>>;
};

export type CpuSample = {
  readonly usageNs: number;
  readonly userNs: number;
  readonly systemNs: number;
  readonly periods?: number;
  readonly throttledPeriods?: number;
  readonly throttledNs?: number;
  readonly bursts?: number;
  readonly burstNs?: number;
};

export type MemorySample = {
  readonly usageBytes: number;
  /** Undefined where the kernel does not keep it (v2 before 5.19). */
  readonly maxUsageBytes?: number;
  readonly workingSetBytes: number;
  readonly rssBytes: number;
  readonly cacheBytes: number;
  readonly mappedFileBytes: number;
  readonly activeFileBytes: number;
  readonly inactiveFileBytes: number;
  readonly kernelBytes: number;
  readonly swapBytes: number;
  readonly failures: number;
  readonly pageFaults: number;
  readonly majorPageFaults: number;
  /** Kills by the kernel for want of memory in it; undefined where the kernel does not count them. */
  readonly oomKills?: number;
};

export type IoSample = {
  /** `major:minor`. */
  readonly device: string;
  readonly reads: number;
  readonly writes: number;
  readonly readBytes: number;
  readonly writeBytes: number;
};

export type LimitsSample = {
  readonly cpuShares?: number;
  /** Microseconds; undefined: none. */
  readonly cpuQuota?: number;
  readonly cpuPeriod?: number;
  readonly memoryBytes?: number;
  readonly memoryReservationBytes?: number;
  readonly swapBytes?: number;
};

export const pressureResources = ['cpu', 'memory', 'io'] as const;
export type PressureResource = (typeof pressureResources)[number];
export type PressureLine = {
  readonly avg10: number;
  readonly avg60: number;
  readonly avg300: number;
  /** Microseconds. */
  readonly totalUs: number;
};
export type PressureSample = {readonly some: PressureLine; readonly full: PressureLine};

/** Texts of a cgroup's files by name (`memory/memory.stat` for v1, `memory.stat` for v2); absent ones are left out. */
export type CgroupTexts = Readonly<Record<string, string>>;

import {type Numbers, parseFlat, parseNumbers} from './cgroup-text.ts';

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

/** What v1 writes for no limit: the largest multiple of a page below 2^63. */
const unlimited = 2 ** 62;
const ticksNs = 1e7;

export const v1Files = [
  'cpuacct/cpuacct.usage',
  'cpuacct/cpuacct.stat',
  'cpu/cpu.stat',
  'cpu/cpu.shares',
  'cpu/cpu.cfs_quota_us',
  'cpu/cpu.cfs_period_us',
  'memory/memory.stat',
  'memory/memory.usage_in_bytes',
  'memory/memory.max_usage_in_bytes',
  'memory/memory.failcnt',
  'memory/memory.kmem.usage_in_bytes',
  'memory/memory.limit_in_bytes',
  'memory/memory.soft_limit_in_bytes',
  'memory/memory.memsw.limit_in_bytes',
  'memory/memory.oom_control',
  'pids/pids.current',
  'pids/pids.max',
  'blkio/blkio.throttle.io_service_bytes_recursive',
  'blkio/blkio.throttle.io_serviced_recursive',
] as const;

export const v2Files = [
  'cpu.stat',
  'cpu.weight',
  'cpu.max',
  'memory.stat',
  'memory.current',
  'memory.peak',
  'memory.events',
  'memory.swap.current',
  'memory.swap.max',
  'memory.max',
  'memory.low',
  'pids.current',
  'pids.max',
  'io.stat',
  'cpu.pressure',
  'memory.pressure',
  'io.pressure',
] as const;

export function parseV1(texts: CgroupTexts): CgroupSample {
  const cpu = v1Cpu(texts);
  const memory = v1Memory(texts);
  const pids = pidsOf(texts['pids/pids.current'], texts['pids/pids.max']);
  const quota = number(texts['cpu/cpu.cfs_quota_us']);
  return {
    ...(cpu === undefined ? {} : {cpu}),
    ...(memory === undefined ? {} : {memory}),
    ...(pids === undefined ? {} : {pids}),
    io: v1Io(texts),
    limits: defined({
      cpuShares: number(texts['cpu/cpu.shares']),
      cpuQuota: quota !== undefined && quota > 0 ? quota : undefined,
      cpuPeriod: number(texts['cpu/cpu.cfs_period_us']),
      memoryBytes: bounded(texts['memory/memory.limit_in_bytes']),
      memoryReservationBytes: bounded(texts['memory/memory.soft_limit_in_bytes']),
      swapBytes: bounded(texts['memory/memory.memsw.limit_in_bytes']),
    }),
  };
}

function v1Cpu(texts: CgroupTexts): CpuSample | undefined {
  const usageNs = number(texts['cpuacct/cpuacct.usage']);
  if (usageNs === undefined) return undefined;
  const split = parseFlat(texts['cpuacct/cpuacct.stat']);
  const stat = parseFlat(texts['cpu/cpu.stat']);
  return {
    usageNs,
    userNs: (split.user ?? 0) * ticksNs,
    systemNs: (split.system ?? 0) * ticksNs,
    ...defined({
      periods: stat.nr_periods,
      throttledPeriods: stat.nr_throttled,
      throttledNs: stat.throttled_time,
    }),
  };
}

function v1Memory(texts: CgroupTexts): MemorySample | undefined {
  const usageBytes = number(texts['memory/memory.usage_in_bytes']);
  if (usageBytes === undefined) return undefined;
  const stat = parseFlat(texts['memory/memory.stat']);
  const inactiveFileBytes = stat.total_inactive_file ?? 0;
  return {
    usageBytes,
    workingSetBytes: Math.max(0, usageBytes - inactiveFileBytes),
    // A v1 kernel counts a cgroup's own pages in `rss`; only the sums tell of those below it.
    rssBytes: stat.total_rss ?? 0,
    cacheBytes: stat.total_cache ?? 0,
    mappedFileBytes: stat.total_mapped_file ?? 0,
    activeFileBytes: stat.total_active_file ?? 0,
    inactiveFileBytes,
    kernelBytes: number(texts['memory/memory.kmem.usage_in_bytes']) ?? 0,
    swapBytes: stat.total_swap ?? 0,
    failures: number(texts['memory/memory.failcnt']) ?? 0,
    pageFaults: stat.total_pgfault ?? 0,
    majorPageFaults: stat.total_pgmajfault ?? 0,
    ...defined({
      maxUsageBytes: number(texts['memory/memory.max_usage_in_bytes']),
      oomKills: parseFlat(texts['memory/memory.oom_control']).oom_kill,
    }),
  };
}

/** Lines `8:0 Read 4096`, and a `Total` at the end. */
function v1Io(texts: CgroupTexts): IoSample[] {
  const read = (name: string): Map<string, Numbers> => {
    const devices = new Map<string, Record<string, number>>();
    for (const line of (texts[name] ?? '').split('\n')) {
      const [device = '', operation = '', value = ''] = line.split(' ');
      if (value === '') continue;
      const known = devices.get(device) ?? {};
      known[operation] = Number(value);
      devices.set(device, known);
    }
    return devices;
  };
  const bytes = read('blkio/blkio.throttle.io_service_bytes_recursive');
  const counts = read('blkio/blkio.throttle.io_serviced_recursive');
  return [...new Set([...bytes.keys(), ...counts.keys()])].map((device) => ({
    device,
    reads: counts.get(device)?.Read ?? 0,
    writes: counts.get(device)?.Write ?? 0,
    readBytes: bytes.get(device)?.Read ?? 0,
    writeBytes: bytes.get(device)?.Write ?? 0,
  }));
}

export function parseV2(texts: CgroupTexts): CgroupSample {
  const cpu = v2Cpu(texts['cpu.stat']);
  const memory = v2Memory(texts);
  const pids = pidsOf(texts['pids.current'], texts['pids.max']);
  const [quota, period] = (texts['cpu.max'] ?? '').trim().split(' ');
  const weight = number(texts['cpu.weight']);
  const pressure = v2Pressure(texts);
  return {
    ...(cpu === undefined ? {} : {cpu}),
    ...(memory === undefined ? {} : {memory}),
    ...(pids === undefined ? {} : {pids}),
    io: v2Io(texts['io.stat']),
    limits: defined({
      cpuShares: weight === undefined ? undefined : sharesOf(weight),
      cpuQuota: number(quota),
      cpuPeriod: number(period),
      memoryBytes: bounded(texts['memory.max']),
      memoryReservationBytes: bounded(texts['memory.low']),
      swapBytes: bounded(texts['memory.swap.max']),
    }),
    ...(pressure === undefined ? {} : {pressure}),
  };
}

function v2Cpu(text: string | undefined): CpuSample | undefined {
  if (text === undefined) return undefined;
  const stat = parseFlat(text);
  const throttledUs = stat.throttled_usec;
  return {
    usageNs: (stat.usage_usec ?? 0) * 1000,
    userNs: (stat.user_usec ?? 0) * 1000,
    systemNs: (stat.system_usec ?? 0) * 1000,
    ...defined({
      periods: stat.nr_periods,
      throttledPeriods: stat.nr_throttled,
      throttledNs: throttledUs === undefined ? undefined : throttledUs * 1000,
    }),
  };
}

function v2Memory(texts: CgroupTexts): MemorySample | undefined {
  const usageBytes = number(texts['memory.current']);
  if (usageBytes === undefined) return undefined;
  const stat = parseFlat(texts['memory.stat']);
  const events = parseFlat(texts['memory.events']);
  const inactiveFileBytes = stat.inactive_file ?? 0;
  return {
    usageBytes,
    workingSetBytes: Math.max(0, usageBytes - inactiveFileBytes),
    rssBytes: stat.anon ?? 0,
    cacheBytes: stat.file ?? 0,
    mappedFileBytes: stat.file_mapped ?? 0,
    activeFileBytes: stat.active_file ?? 0,
    inactiveFileBytes,
    kernelBytes: stat.kernel ?? 0,
    swapBytes: number(texts['memory.swap.current']) ?? 0,
    failures: events.max ?? 0,
    pageFaults: stat.pgfault ?? 0,
    majorPageFaults: stat.pgmajfault ?? 0,
    ...defined({maxUsageBytes: number(texts['memory.peak']), oomKills: events.oom_kill}),
  };
}

/** Lines `8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0`. */
function v2Io(text = ''): IoSample[] {
  return text.split('\n').flatMap((line) => {
    const [device = '', ...pairs] = line.trim().split(' ');
    if (!/^\d+:\d+$/.test(device)) return [];
    const values = new Map(
      pairs.map((pair) => {
        const [key = '', value = ''] = pair.split('=');
        return [key, Number(value)] as const;
      }),
    );
    return [
      {
        device,
        reads: values.get('rios') ?? 0,
        writes: values.get('wios') ?? 0,
        readBytes: values.get('rbytes') ?? 0,
        writeBytes: values.get('wbytes') ?? 0,
      },
    ];
  });
}

function v2Pressure(texts: CgroupTexts): CgroupSample['pressure'] {
  const found: Partial<Record<PressureResource, PressureSample>> = {};
  for (const resource of pressureResources) {
    const sample = parsePressure(texts[`${resource}.pressure`]);
    if (sample !== undefined) found[resource] = sample;
  }
  return Object.keys(found).length === 0 ? undefined : found;
}

/** PSI: `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`, and `full …` (not for the CPU of a whole machine before 5.13). */
export function parsePressure(text: string | undefined): PressureSample | undefined {
  const line = (name: string): PressureLine | undefined => {
    const values = new RegExp(`^${name} avg10=(\\S+) avg60=(\\S+) avg300=(\\S+) total=(\\d+)`, 'm').exec(
      text ?? '',
    );
    if (values === null) return undefined;
    const [avg10 = 0, avg60 = 0, avg300 = 0, totalUs = 0] = values.slice(1).map(Number);
    return {avg10, avg60, avg300, totalUs};
  };
  const some = line('some');
  return some && {some, full: line('full') ?? {avg10: 0, avg60: 0, avg300: 0, totalUs: 0}};
}

function pidsOf(current: string | undefined, limit: string | undefined): CgroupSample['pids'] {
  const now = number(current);
  return now === undefined ? undefined : {current: now, ...defined({limit: number(limit)})};
}

/** The inverse of the kubelet's weight of shares (cm/cgroup_manager_linux.go), as cAdvisor tells it. */
function sharesOf(weight: number): number {
  return 2 + Math.floor(((weight - 1) * 262_142) / 9_999);
}

function number(text: string | undefined): number | undefined {
  return parseNumbers(text)[0];
}

function bounded(text: string | undefined): number | undefined {
  const value = number(text);
  return value === undefined || value > unlimited ? undefined : value;
}

function defined<T extends object>(values: T): {[Key in keyof T]?: Exclude<T[Key], undefined>} {
  const kept: {[Key in keyof T]?: Exclude<T[Key], undefined>} = {};
  for (const key in values) {
    const value = values[key];
    if (isDefined(value)) kept[key] = value;
  }
  return kept;
}

function isDefined<T>(value: T): value is Exclude<T, undefined> {
  return value !== undefined;
}

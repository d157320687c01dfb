import type {CgroupSample, CgroupTexts, CpuSample, IoSample, MemorySample} from './cgroup-sample.ts';
import {bounded, defined, type Numbers, number, parseFlat, pidsOf} from './cgroup-text.ts';

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

export function parseV1(texts: CgroupTexts): CgroupSample {
  const cpu = cpuOf(texts);
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

/** Of these files the one that counts what is used of the processor, and what it says. */
export const v1Cpu = {file: 'cpuacct/cpuacct.usage', parse: number} as const;

function cpuOf(texts: CgroupTexts): CpuSample | undefined {
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
      bursts: stat.nr_bursts,
      burstNs: stat.burst_time,
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

import type {CgroupSample, CgroupTexts, CpuSample, IoSample, MemorySample} from './cgroup-sample.ts';
import {bounded, defined, number, parseFlat, pidsOf} from './cgroup-text.ts';
import {pressures} from './pressure.ts';

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

export function parseV2(texts: CgroupTexts): CgroupSample {
  const cpu = cpuOf(texts['cpu.stat']);
  const memory = v2Memory(texts);
  const pids = pidsOf(texts['pids.current'], texts['pids.max']);
  const [quota, period] = (texts['cpu.max'] ?? '').trim().split(' ');
  const weight = number(texts['cpu.weight']);
  const pressure = pressures((resource) => texts[`${resource}.pressure`]);
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

/** Of these files the one that counts what is used of the processor, and what it says. */
export const v2Cpu = {
  file: 'cpu.stat',
  parse: (text: string | undefined): number | undefined => thousand(parseFlat(text).usage_usec),
} as const;

function cpuOf(text: string | undefined): CpuSample | undefined {
  if (text === undefined) return undefined;
  const stat = parseFlat(text);
  return {
    usageNs: (stat.usage_usec ?? 0) * 1000,
    userNs: (stat.user_usec ?? 0) * 1000,
    systemNs: (stat.system_usec ?? 0) * 1000,
    ...defined({
      periods: stat.nr_periods,
      throttledPeriods: stat.nr_throttled,
      throttledNs: thousand(stat.throttled_usec),
      bursts: stat.nr_bursts,
      burstNs: thousand(stat.burst_usec),
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

/** The inverse of the kubelet's weight of shares (cm/cgroup_manager_linux.go), as cAdvisor tells it. */
function sharesOf(weight: number): number {
  return 2 + Math.floor(((weight - 1) * 262_142) / 9_999);
}

function thousand(microseconds: number | undefined): number | undefined {
  return microseconds === undefined ? undefined : microseconds * 1000;
}

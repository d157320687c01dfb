import {readText} from './files.ts';

/** What a machine has used, as counters and gauges for its metrics. */
export type HostUsage = {
  readonly cpuSeconds: number;
  readonly memoryWorkingSetBytes: number;
  readonly memoryAvailableBytes: number;
  readonly memoryUsageBytes: number;
  readonly network: readonly {readonly device: string; readonly rxBytes: number; readonly txBytes: number}[];
  readonly bootTimeMs: number;
};

/** USER_HZ: what /proc counts in, on every Linux that Node runs on. */
const ticksPerSecond = 100;

export async function readHostUsage(): Promise<HostUsage> {
  const [stat, meminfo, netdev] = await Promise.all([
    readText('/proc/stat'),
    readText('/proc/meminfo'),
    readText('/proc/self/net/dev'),
  ]);
  return {...parseStat(stat ?? ''), ...parseMeminfo(meminfo ?? ''), network: parseNetDev(netdev ?? '')};
}

/** cpu user nice system idle iowait irq softirq steal …; guest time is part of user. */
function parseStat(text: string): Pick<HostUsage, 'cpuSeconds' | 'bootTimeMs'> {
  const fields = (/^cpu\s+(.*)$/m.exec(text)?.[1] ?? '').trim().split(/\s+/).map(Number);
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = fields;
  return {
    cpuSeconds: (user + nice + system + irq + softirq + steal) / ticksPerSecond,
    bootTimeMs: Number(/^btime (\d+)$/m.exec(text)?.[1] ?? 0) * 1000,
  };
}

function parseMeminfo(
  text: string,
): Pick<HostUsage, 'memoryWorkingSetBytes' | 'memoryAvailableBytes' | 'memoryUsageBytes'> {
  const bytes = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0) * 1024;
  const used = bytes('MemTotal') - bytes('MemFree');
  return {
    memoryUsageBytes: used,
    // The kubelet's working set: what is used, less the file pages that can go at once.
    memoryWorkingSetBytes: Math.max(0, used - bytes('Inactive\\(file\\)')),
    memoryAvailableBytes: bytes('MemAvailable'),
  };
}

function parseNetDev(text: string): HostUsage['network'] {
  return text
    .split('\n')
    .slice(2)
    .flatMap((line) => {
      const [device, counters] = line.split(':');
      const fields = (counters ?? '').trim().split(/\s+/).map(Number);
      const name = device?.trim() ?? '';
      return counters === undefined || name === 'lo'
        ? []
        : [{device: name, rxBytes: fields[0] ?? 0, txBytes: fields[8] ?? 0}];
    });
}

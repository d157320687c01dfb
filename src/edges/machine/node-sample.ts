import {readFileSync} from 'node:fs';
import type {CgroupSample} from '../cgroups/cgroup-sample.ts';
import type {CgroupReader} from '../cgroups/cgroup-stats.ts';
import {pressures} from '../cgroups/pressure.ts';

/** The machine as a whole. */
export type NodeSample = {
  readonly bootTimeMs: number;
  readonly memoryBytes: number;
  readonly swapBytes: number;
  readonly root: CgroupSample;
  readonly pids: {readonly max: number; readonly running: number};
};

const ticksNs = 1e7;

export function sampleNode(cgroups: CgroupReader): NodeSample {
  const meminfo = readFileSync('/proc/meminfo', 'utf8');
  const stat = readFileSync('/proc/stat', 'utf8');
  return {
    bootTimeMs: Number(/^btime (\d+)$/m.exec(stat)?.[1] ?? 0) * 1000,
    memoryBytes: kilobytes(meminfo, 'MemTotal'),
    swapBytes: kilobytes(meminfo, 'SwapTotal'),
    root: rootSample(cgroups, meminfo, stat),
    pids: readPids(),
  };
}

/** The root cgroup; what it does not tell (all of memory, on v2) is what the machine itself does. */
function rootSample(cgroups: CgroupReader, meminfo: string, stat: string): CgroupSample {
  const own = cgroups.sample('/');
  const pressure = pressures((resource) => readIfAny(`/proc/pressure/${resource}`));
  return {
    io: [],
    limits: {},
    ...own,
    cpu: own?.cpu !== undefined && own.cpu.usageNs > 0 ? own.cpu : parseCpu(stat),
    memory: own?.memory ?? parseMemory(meminfo),
    ...(pressure === undefined ? {} : {pressure}),
  };
}

/** cpu user nice system idle iowait irq softirq steal …; guest time is part of user. */
export function parseCpu(text: string): NonNullable<CgroupSample['cpu']> {
  const fields = (/^cpu\s+(.*)$/m.exec(text)?.[1] ?? '').trim().split(/\s+/).map(Number);
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = fields;
  const [userNs, systemNs] = [(user + nice) * ticksNs, (system + irq + softirq + steal) * ticksNs];
  return {usageNs: userNs + systemNs, userNs, systemNs};
}

export function parseMemory(meminfo: string): NonNullable<CgroupSample['memory']> {
  const bytes = (field: string) => kilobytes(meminfo, field);
  const usageBytes = bytes('MemTotal') - bytes('MemFree');
  const inactiveFileBytes = bytes('Inactive\\(file\\)');
  return {
    usageBytes,
    // The kubelet's working set: what is used, less the file pages that can go at once.
    workingSetBytes: Math.max(0, usageBytes - inactiveFileBytes),
    rssBytes: bytes('AnonPages'),
    cacheBytes: bytes('Cached'),
    mappedFileBytes: bytes('Mapped'),
    activeFileBytes: bytes('Active\\(file\\)'),
    inactiveFileBytes,
    kernelBytes: bytes('Slab') + bytes('KernelStack') + bytes('PageTables'),
    swapBytes: bytes('SwapTotal') - bytes('SwapFree'),
    failures: 0,
    pageFaults: 0,
    majorPageFaults: 0,
  };
}

function kilobytes(meminfo: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+)`, 'm').exec(meminfo)?.[1] ?? 0) * 1024;
}

/** The fourth field of loadavg is `running/all` kernel tasks: what pid_max and threads-max bound. */
function readPids(): NodeSample['pids'] {
  const number = (path: string) => Number(readFileSync(path, 'utf8'));
  const tasks = /\d+\/(\d+)/.exec(readFileSync('/proc/loadavg', 'utf8'))?.[1] ?? 0;
  return {
    max: Math.min(number('/proc/sys/kernel/pid_max'), number('/proc/sys/kernel/threads-max')),
    running: Number(tasks),
  };
}

/** PSI may be compiled out (no file) or off (EOPNOTSUPP). */
function readIfAny(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

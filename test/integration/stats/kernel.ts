import {existsSync, readFileSync} from 'node:fs';

const root = '/sys/fs/cgroup';
const v2 = existsSync(`${root}/cgroup.controllers`);

/** The cgroup of a process, as the kernel names it. */
export function cgroupOf(pid: number): string {
  const lines = readFileSync(`/proc/${pid}/cgroup`, 'utf8').trim().split('\n');
  const line = lines.find((text) => (v2 ? text.startsWith('0::') : /^\d+:[^:]*\bmemory\b/.test(text)));
  return line?.split(':').slice(2).join(':') ?? '';
}

/** What the kernel itself says of a cgroup. */
export function kernel(cgroup: string) {
  const number = (file: string, field = 0) => {
    const [controller = '', rest = ''] = file.split('/', 2);
    const path = v2 ? `${root}${cgroup}/${rest}` : `${root}/${controller}${cgroup}/${rest}`;
    return Number(readFileSync(path, 'utf8').trim().split(/\s+/)[field]);
  };
  const memoryStat = () => {
    const path = v2 ? `${root}${cgroup}/memory.stat` : `${root}/memory${cgroup}/memory.stat`;
    const text = readFileSync(path, 'utf8');
    return Number(new RegExp(`^${v2 ? '' : 'total_'}inactive_file (\\d+)$`, 'm').exec(text)?.[1]);
  };
  return {
    cpuSeconds: () => (v2 ? number('cpu/cpu.stat', 1) / 1e6 : number('cpuacct/cpuacct.usage') / 1e9),
    workingSetBytes: () =>
      number(v2 ? 'memory/memory.current' : 'memory/memory.usage_in_bytes') - memoryStat(),
    memoryLimitBytes: () => number(v2 ? 'memory/memory.max' : 'memory/memory.limit_in_bytes'),
    cpuQuota: () => number(v2 ? 'cpu/cpu.max' : 'cpu/cpu.cfs_quota_us'),
    cpuPeriod: () => (v2 ? number('cpu/cpu.max', 1) : number('cpu/cpu.cfs_period_us')),
  };
}

import {run} from '../process/run.ts';
import {removeCgroup} from './cgroup-tree.ts';
import type {CgroupLimits, Cgroups} from './cgroups.ts';

const manager = ['org.freedesktop.systemd1', '/org/freedesktop/systemd1', 'org.freedesktop.systemd1.Manager'];
/** UINT64_MAX is systemd's infinity. */
const infinity = '18446744073709551615';

/** Name, D-Bus type and value of one property of a unit. */
type Property = readonly [name: string, type: 't' | 'b' | 's', value: string];

/**
 * The systemd driver: a pod's cgroup is a transient slice, made with its limits in one call and gone without a trace
 * when it is stopped; `systemctl set-property` would leave a drop-in for each pod that ever ran.
 */
export function systemdCgroups(files: Omit<Cgroups, 'ensure' | 'remove'>): Cgroups {
  const slice = (path: string): string => path.split('/').at(-1) ?? '';
  return {
    v2: files.v2,
    async ensure(path, limits) {
      const name = slice(path);
      const properties = sliceProperties(limits, files.v2);
      const unit = ['StartTransientUnit', 'ssa(sv)a(sa(sv))', name, 'replace'];
      const fixed: Property[] = [
        ['Description', 's', 'Kubernetes pods'],
        // As libcontainer makes them: a shutdown ends pods by their containers' scopes, not by their slices.
        ['DefaultDependencies', 'b', 'false'],
      ];
      const made = await call([...unit, ...words([...fixed, ...properties]), '0'], [0, 1]);
      // It is there already, from before a restart of ours or as the parent of another slice.
      if (made !== 0) await call(['SetUnitProperties', 'sba(sv)', name, 'true', ...words(properties)], [0]);
      if (limits.hugePages !== undefined) await files.setHugePages(path, limits.hugePages);
    },
    async remove(path) {
      await stopSlice(slice(path));
      // cgroup v1: runc makes it in hierarchies of which systemd knows nothing, as cpuset and freezer.
      await removeCgroup(path);
    },
    memoryUsage: (path) => files.memoryUsage(path),
    children: (path) => files.children(path),
    setHugePages: (path, hugePages) => files.setHugePages(path, hugePages),
  };
}

/** With all slices and scopes in it; 5: systemd does not know it. */
export async function stopSlice(name: string): Promise<void> {
  await run('systemctl', ['stop', name], {okCodes: [0, 5]});
}

async function call(args: readonly string[], okCodes: readonly number[]): Promise<number> {
  const {exitCode} = await run('busctl', ['--quiet', 'call', ...manager, ...args], {okCodes});
  return exitCode;
}

function words(properties: readonly Property[]): string[] {
  return [String(properties.length), ...properties.flat()];
}

/** Limits as systemd names them (systemd.resource-control(5), org.freedesktop.systemd1(5)); pure. */
export function sliceProperties(limits: CgroupLimits, v2: boolean): Property[] {
  const amounts: (readonly [string, number | string | undefined])[] = [
    v2 ? ['CPUWeight', limits.cpuWeight] : ['CPUShares', limits.cpuShares],
    ['CPUQuotaPerSecUSec', quotaPerSecond(limits)],
    ['CPUQuotaPeriodUSec', limits.cpuPeriod],
    [v2 ? 'MemoryMax' : 'MemoryLimit', limits.memoryBytes],
    ['TasksMax', limits.pids],
    ...(v2
      ? ([
          ['MemoryMin', limits.memoryMin],
          ['MemoryLow', limits.memoryLow],
        ] as const)
      : []),
  ];
  const accounting = ['CPUAccounting', 'MemoryAccounting', v2 ? 'IOAccounting' : 'BlockIOAccounting'];
  return [
    ...[...accounting, 'TasksAccounting'].map((name): Property => [name, 'b', 'true']),
    ...amounts.flatMap(([name, value]): Property[] =>
      value === undefined ? [] : [[name, 't', String(value)]],
    ),
  ];
}

/** systemd keeps whole percents: anything finer is rounded up, as libcontainer does. */
function quotaPerSecond({cpuQuota, cpuPeriod}: CgroupLimits): number | string | undefined {
  if (cpuQuota === undefined || cpuPeriod === undefined) return undefined;
  if (cpuQuota <= 0) return infinity;
  return Math.ceil((cpuQuota * 1_000_000) / cpuPeriod / 10_000) * 10_000;
}

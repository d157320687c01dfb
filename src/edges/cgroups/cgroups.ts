import {readFileSync} from 'node:fs';
import {constants, mkdir, writeFile} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {errno, exists, listDirectory, readText} from '../files/files.ts';
import {cgroupChildren, killCgroup, removeCgroup} from './cgroup-tree.ts';

/** Limits of a cgroup; what is undefined stays as the kernel made it. */
export type CgroupLimits = {
  readonly cpuShares?: number;
  readonly cpuWeight?: number;
  /** Microseconds; -1: none. */
  readonly cpuQuota?: number;
  readonly cpuPeriod?: number;
  readonly memoryBytes?: number;
  readonly pids?: number;
  /** cgroup v2: kept in memory whatever happens, and as long as others have enough. */
  readonly memoryMin?: number;
  readonly memoryLow?: number;
  /** Bytes by page size as the kernel names it: 2MB, 1GB. */
  readonly hugePages?: Readonly<Record<string, number>>;
};

export type Cgroups = {
  readonly v2: boolean;
  /** Makes the cgroup (its parents too) and sets what is given. `path` is absolute below the mount. */
  ensure(path: string, limits: CgroupLimits): Promise<void>;
  /** Ends what lives in it, removes it and those in it; throws EBUSY while a process is still about to end. */
  remove(path: string): Promise<void>;
  /** Bytes that its processes use; undefined where the kernel does not say. */
  memoryUsage(path: string): Promise<number | undefined>;
  /** Names of the cgroups directly in `path`. */
  children(path: string): Promise<string[]>;
  /** Sets the limits on huge pages, which systemd has no properties for. */
  setHugePages(path: string, hugePages: CgroupLimits['hugePages']): Promise<void>;
};

const mountPoint = '/sys/fs/cgroup';
/** v1: a pod is made in every hierarchy that runc will put its containers in. */
const v1Controllers = [
  'cpu',
  'cpuacct',
  'memory',
  'pids',
  'blkio',
  'cpuset',
  'devices',
  'freezer',
  'hugetlb',
];

/** cgroups by plain files: the cgroupfs driver. */
export async function openCgroups(): Promise<Cgroups> {
  const v2 = await exists(join(mountPoint, 'cgroup.controllers'));
  const roots = v2 ? [mountPoint] : await v1Roots();
  return {
    v2,
    async ensure(path, limits) {
      if (v2) await delegate(path);
      for (const root of roots) await makeCgroup(root, path);
      for (const [file, value] of v2 ? v2Files(limits) : v1Files(limits)) await write(file, path, value, v2);
    },
    async setHugePages(path, hugePages) {
      if (v2) await delegate(path, ['hugetlb']);
      for (const [file, value] of hugePageFiles({hugePages}, v2)) await write(file, path, value, v2);
    },
    async remove(path) {
      if (await removeCgroup(path)) return;
      // Its containers have ended: what still lives there is what they left (tryKillingCgroupProcesses).
      await killCgroup(path);
      if (!(await removeCgroup(path)))
        throw Object.assign(new Error(`processes still live in cgroup ${path}`), {code: 'EBUSY'});
    },
    async memoryUsage(path) {
      const file = v2 ? join(path, 'memory.current') : join('memory', path, 'memory.usage_in_bytes');
      const text = await readText(join(mountPoint, file));
      return text === undefined ? undefined : Number(text);
    },
    children: cgroupChildren,
  };
}

/** Makes the cgroup and moves the process into it, in every hierarchy. */
export async function joinCgroup(path: string, pid: number): Promise<void> {
  const v2 = await exists(join(mountPoint, 'cgroup.controllers'));
  if (v2) await delegate(path);
  for (const root of v2 ? [mountPoint] : await v1Roots()) {
    await makeCgroup(root, path);
    await writeFile(join(root, path, 'cgroup.procs'), String(pid));
  }
}

async function v1Roots(): Promise<string[]> {
  const names = await listDirectory(mountPoint);
  return v1Controllers.filter((name) => names.includes(name)).map((name) => join(mountPoint, name));
}

async function makeCgroup(root: string, path: string): Promise<void> {
  await mkdir(join(root, path), {recursive: true});
  // An empty cpuset accepts no process (cgroup v1, cpuset.cpus): each level takes what its parent has.
  if (root.endsWith('/cpuset'))
    for (const file of ['cpuset.cpus', 'cpuset.mems']) await inheritCpuset(join(root, path), root, file);
}

/**
 * What a level has, its parents have too. Read at once: the kernel answers from memory, sooner than another thread
 * could be asked for each of the five calls of a file.
 */
async function inheritCpuset(directory: string, root: string, file: string): Promise<string> {
  const own = readFileSync(join(directory, file), 'utf8').trim();
  if (own !== '' || directory === root) return own;
  const value = await inheritCpuset(dirname(directory), root, file);
  await writeFile(join(directory, file), value);
  return value;
}

const delegated = ['cpu', 'cpuset', 'io', 'memory', 'pids', 'hugetlb'] as const;

/** v2: controllers reach a cgroup only when every cgroup above it hands them down. */
async function delegate(
  path: string,
  controllers: readonly (typeof delegated)[number][] = delegated,
): Promise<void> {
  let at = mountPoint;
  for (const part of path.split('/').filter((name) => name !== '')) {
    for (const controller of controllers)
      await writeFile(join(at, 'cgroup.subtree_control'), `+${controller}`).catch(() => undefined);
    at = join(at, part);
    await mkdir(at, {recursive: true});
  }
}

function v2Files(limits: CgroupLimits): [string, string][] {
  const quota = limits.cpuQuota === undefined || limits.cpuQuota < 0 ? 'max' : String(limits.cpuQuota);
  return [
    ...line('cpu.weight', limits.cpuWeight),
    ...(limits.cpuPeriod === undefined ? [] : line('cpu.max', `${quota} ${limits.cpuPeriod}`)),
    ...line('memory.max', limits.memoryBytes),
    ...line('memory.min', limits.memoryMin),
    ...line('memory.low', limits.memoryLow),
    ...line('pids.max', limits.pids),
    ...hugePageFiles(limits, true),
  ];
}

function v1Files(limits: CgroupLimits): [string, string][] {
  return [
    ...line('cpu/cpu.shares', limits.cpuShares),
    ...line('cpu/cpu.cfs_period_us', limits.cpuPeriod),
    ...line('cpu/cpu.cfs_quota_us', limits.cpuQuota),
    ...line('memory/memory.limit_in_bytes', limits.memoryBytes),
    ...line('pids/pids.max', limits.pids),
    ...hugePageFiles(limits, false),
  ];
}

/** As they are used, and as they are reserved: who maps too many is told so at once, not killed later (Linux 5.7). */
function hugePageFiles({hugePages = {}}: Pick<CgroupLimits, 'hugePages'>, v2: boolean): [string, string][] {
  return Object.entries(hugePages).flatMap(([size, bytes]) =>
    [size, `${size}.rsvd`].flatMap((pages) =>
      line(v2 ? `hugetlb.${pages}.max` : `hugetlb/hugetlb.${pages}.limit_in_bytes`, bytes),
    ),
  );
}

function line(file: string, value: string | number | undefined): [string, string][] {
  return value === undefined ? [] : [[file, String(value)]];
}

/** A controller that the machine has not cannot limit anything; its absent file must not be asked to be made (EACCES). */
async function write(file: string, path: string, value: string, v2: boolean): Promise<void> {
  const [first = '', second = ''] = file.split('/');
  const target = v2 ? join(mountPoint, path, file) : join(mountPoint, first, path, second);
  try {
    await writeFile(target, value, {flag: constants.O_WRONLY});
  } catch (error) {
    if (errno(error) !== 'ENOENT') throw error;
  }
}

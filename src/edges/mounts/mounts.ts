import {lstat, mkdtemp, readFile, realpath, rmdir, statfs} from 'node:fs/promises';
import {basename, dirname, join} from 'node:path';
import {isMissing} from '../files/files.ts';
import {run} from '../process/run.ts';

export type MountEntry = {
  readonly mountPoint: string;
  readonly fsType: string;
  readonly source: string;
  readonly options: readonly string[];
  /** Of its file system, whoever has mounted it; `seclabel`: its files have SELinux labels of their own. */
  readonly superOptions: readonly string[];
};

/**
 * What is mounted in this process's namespace, in the order of mounting; with a directory, what is mounted at or
 * below it, which is much faster on a machine with many pods. Places below the directory are called as it is called,
 * also where it is behind a link: the kernel names them by where links lead.
 */
export async function readMounts(directory = '/'): Promise<MountEntry[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8');
  if (directory === '/') return parseMountinfo(text);
  const real = await realBase(directory, text);
  const entries = parseMountinfo(text, real);
  if (real === directory) return entries;
  return entries.map((entry) => ({...entry, mountPoint: renamed(entry.mountPoint, real, directory)}));
}

export function renamed(path: string, from: string, to: string): string {
  return path === from || path.startsWith(`${from}/`) ? `${to}${path.slice(from.length)}` : path;
}

/** A directory without links. What is mounted at it is not looked into: its server may be away. */
export async function realBase(directory: string, mountinfo: string): Promise<string> {
  const place = await realPlace(directory);
  return mountinfo.includes(` ${escapeOctal(place)} `) ? place : resolved(place);
}

/** The same, but what is at its end is left as it is. */
async function realPlace(path: string): Promise<string> {
  return join(await resolved(dirname(path)), basename(path));
}

async function resolved(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (!isMissing(error)) throw error;
    return path === '/' ? path : realPlace(path);
  }
}

/** proc(5), /proc/pid/mountinfo: octal escapes for white space and backslash. */
export function parseMountinfo(text: string, directory = '/'): MountEntry[] {
  const entries: MountEntry[] = [];
  const escaped = escapeOctal(directory);
  for (const line of text.split('\n')) {
    if (!line.includes(escaped)) continue;
    const [left = '', right = ''] = line.split(' - ', 2);
    const [, , , , mountPoint, options = ''] = left.split(' ');
    const [fsType = '', source = '', superOptions = ''] = right.split(' ');
    if (mountPoint === undefined) continue;
    entries.push({
      mountPoint: unescapeOctal(mountPoint),
      fsType,
      source: unescapeOctal(source),
      options: options.split(','),
      superOptions: superOptions.split(','),
    });
  }
  return entries;
}

/** Mount points at and below a directory, the last mounted first: the order to take them down in. */
export function mountsAtOrBelow(entries: readonly MountEntry[], directory: string): string[] {
  return entries
    .map(({mountPoint}) => mountPoint)
    .filter((point) => point === directory || point.startsWith(`${directory}/`))
    .reverse();
}

/** The same without what is mounted at the directory itself. */
export function mountsBelow(entries: readonly MountEntry[], directory: string): string[] {
  return mountsAtOrBelow(entries, directory).filter((point) => point !== directory);
}

/**
 * Among the mounts at and below a directory those that are made on another one of them: what containers have mounted
 * in a volume, or over it. The last mounted first.
 */
export function mountsUpon(entries: readonly MountEntry[], directory: string): string[] {
  const points = mountsAtOrBelow(entries, directory).reverse();
  const upon = points.filter((point, at) =>
    points.slice(0, at).some((below) => point === below || point.startsWith(`${below}/`)),
  );
  return upon.reverse();
}

export async function isMounted(path: string): Promise<boolean> {
  const [text, place] = await Promise.all([readFile('/proc/self/mountinfo', 'utf8'), realPlace(path)]);
  return parseMountinfo(text, place).some(({mountPoint}) => mountPoint === place);
}

/** Whether files of the file system that is mounted at a path can have SELinux labels (hostutil.GetSELinuxSupport). */
export async function hasLabels(path: string): Promise<boolean> {
  const topmost = (await readMounts(path)).findLast(({mountPoint}) => mountPoint === path);
  return topmost?.superOptions.includes('seclabel') ?? false;
}

/** linux/magic.h: TMPFS_MAGIC. */
const tmpfsMagic = 0x01021994;

/** Whether a tmpfs is mounted at a path: each has a device number of its own. */
export async function isTmpfs(path: string): Promise<boolean> {
  const [here, above, {type}] = await Promise.all([lstat(path), lstat(dirname(path)), statfs(path)]);
  return type === tmpfsMagic && here.dev !== above.dev;
}

export async function mountHugePages(target: string, options: readonly string[]): Promise<void> {
  await run('mount', ['-c', '-t', 'hugetlbfs', '-o', options.join(','), 'nodev', target]);
}

/** Whether this kernel can promise that a tmpfs is not swapped out; tried at a place of its own below a directory. */
export async function takesNoswap(directory: string): Promise<boolean> {
  const place = await mkdtemp(join(directory, '.noswap-'));
  try {
    await run('mount', ['-c', '-t', 'tmpfs', '-o', 'noswap', 'tmpfs', place]);
    await unmount(place);
    return true;
  } catch {
    return false;
  } finally {
    await rmdir(place);
  }
}

/** Neither path is resolved again by mount(8): what was checked is what is mounted. */
export async function bindMount(source: string, target: string): Promise<void> {
  await run('mount', ['-c', '--bind', source, target]);
}

/** Unmounts the topmost mount at a path; one that is gone meanwhile is fine. */
export async function unmount(target: string): Promise<void> {
  try {
    await run('umount', ['-c', target]);
  } catch (error) {
    if (await isMounted(target)) throw error;
  }
}

/** What is mounted while others are unmounted is found by the next round. */
const forcedRounds = 3;

/**
 * Unmounts everything below a directory, lazily where a process still holds it; a mount at the directory itself is
 * the administrator's: a disk of its own. The sources of binds are never touched. Returns what would not go.
 */
export async function forceUnmountBelow(directory: string): Promise<string[]> {
  for (let round = 0; round < forcedRounds; round++) {
    const points = mountsBelow(await readMounts(directory), directory);
    if (points.length === 0) return [];
    for (const point of points)
      if ((await umountTolerant(['-c', '--', point])) !== 0) await umountTolerant(['-l', '-c', '--', point]);
  }
  return mountsBelow(await readMounts(directory), directory);
}

async function umountTolerant(args: readonly string[]): Promise<number> {
  const {exitCode} = await run('umount', args, {okCodes: [0, 1, 2, 4, 8, 16, 32, 64], timeoutMs: 30_000});
  return exitCode;
}

function escapeOctal(text: string): string {
  return text.replace(
    /[ \t\n\\]/g,
    (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
}

export function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

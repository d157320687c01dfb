import {readFile} from 'node:fs/promises';
import {run} from './exec.ts';

export type MountEntry = {
  readonly mountPoint: string;
  readonly fsType: string;
  readonly source: string;
  readonly options: readonly string[];
};

/** What is mounted in this process's namespace, in the order of mounting. */
export async function readMounts(): Promise<MountEntry[]> {
  return parseMountinfo(await readFile('/proc/self/mountinfo', 'utf8'));
}

/** proc(5), /proc/pid/mountinfo: octal escapes for white space and backslash. */
export function parseMountinfo(text: string): MountEntry[] {
  const entries: MountEntry[] = [];
  for (const line of text.split('\n')) {
    const [left = '', right = ''] = line.split(' - ', 2);
    const [, , , , mountPoint, options = ''] = left.split(' ');
    const [fsType = '', source = ''] = right.split(' ');
    if (mountPoint === undefined) continue;
    entries.push({
      mountPoint: unescapeOctal(mountPoint),
      fsType,
      source: unescapeOctal(source),
      options: options.split(','),
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
  return (await readMounts()).some(({mountPoint}) => mountPoint === path);
}

/** Kernels before 6.4 refuse `noswap`; found out by the first mount. */
let noswap = true;

/** A tmpfs whose content never reaches a swap device where the kernel can promise that. */
export async function mountTmpfs(target: string, options: readonly string[]): Promise<void> {
  const mount = (all: readonly string[]) =>
    run('mount', ['-c', '-t', 'tmpfs', ...(all.length === 0 ? [] : ['-o', all.join(',')]), 'tmpfs', target]);
  if (noswap)
    try {
      await mount([...options, 'noswap']);
      return;
    } catch {
      noswap = false;
    }
  await mount(options);
}

export async function mountHugePages(target: string, options: readonly string[]): Promise<void> {
  await run('mount', ['-c', '-t', 'hugetlbfs', '-o', options.join(','), 'nodev', target]);
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

/** Unmounts everything at and below a directory. @throws when a mount is busy */
export async function unmountTree(directory: string): Promise<void> {
  const points = mountsAtOrBelow(await readMounts(), directory);
  // One process for all of them; where it fails, those that are left say why.
  if (points.length > 1 && (await umountTolerant(['-c', '--', ...points])) === 0) return;
  for (const point of mountsAtOrBelow(await readMounts(), directory)) await unmount(point);
}

/** What is mounted while others are unmounted is found by the next round. */
const forcedRounds = 3;

/**
 * Unmounts everything below a directory, lazily where a process still holds it; a mount at the directory itself is
 * the administrator's: a disk of its own. The sources of binds are never touched. Returns what would not go.
 */
export async function forceUnmountBelow(directory: string): Promise<string[]> {
  for (let round = 0; round < forcedRounds; round++) {
    const points = mountsBelow(await readMounts(), directory);
    if (points.length === 0) return [];
    for (const point of points)
      if ((await umountTolerant(['-c', '--', point])) !== 0) await umountTolerant(['-l', '-c', '--', point]);
  }
  return mountsBelow(await readMounts(), directory);
}

async function umountTolerant(args: readonly string[]): Promise<number> {
  const {exitCode} = await run('umount', args, {okCodes: [0, 1, 2, 4, 8, 16, 32, 64], timeoutMs: 30_000});
  return exitCode;
}

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

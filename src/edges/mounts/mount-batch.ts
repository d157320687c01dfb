import {randomBytes} from 'node:crypto';
import {rm, writeFile} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {Batch} from '../../lib/control/batch.ts';
import {run} from '../process/run.ts';
import {isMounted, isTmpfs, mountsAtOrBelow, readMounts, unmount} from './mounts.ts';

/** Starting a process costs more than mounting: pods with many volumes share a few of them. */
const lanes = 2;
const anyCode = {okCodes: Array.from({length: 128}, (_, code) => code)};

export type TmpfsWish = {readonly target: string; readonly options: readonly string[]};

/** Kernels before 6.4 refuse `noswap`; found out by the first mount. */
let noswap = true;

const mounting = new Batch<TmpfsWish>({lanes, work: mountAll});
const unmounting = new Batch<readonly string[]>({lanes, work: unmountAll});

/** A tmpfs whose content never reaches a swap device where the kernel can promise that. */
export function mountTmpfs(target: string, options: readonly string[]): Promise<void> {
  return mounting.add({target, options});
}

/** Unmounts the topmost mount at each of these paths, one after the other. @throws when one is busy */
export async function unmountEach(points: readonly string[]): Promise<void> {
  if (points.length > 0) await unmounting.add(points);
}

/** Unmounts everything at and below a directory. @throws when a mount is busy */
export async function unmountTree(directory: string): Promise<void> {
  await unmountEach(mountsAtOrBelow(await readMounts(directory), directory));
}

async function mountAll(wishes: readonly TmpfsWish[]): Promise<readonly unknown[]> {
  if (wishes.length > 1 && (await mountTogether(wishes))) return [];
  // One by one: those that cannot be had say why.
  return each(wishes, mountOne);
}

/**
 * mount(8) with a table of its own, which goes with the pod if this process dies; what it has not mounted is seen in
 * its exit code.
 */
async function mountTogether(wishes: readonly TmpfsWish[]): Promise<boolean> {
  const beside = dirname(wishes[0]?.target ?? '/');
  const table = join(beside, `.${process.pid}.${randomBytes(8).toString('hex')}.tmp`);
  try {
    await writeFile(table, wishes.map((wish) => tableLine(wish, noswap)).join(''), {mode: 0o600, flag: 'wx'});
    return (await run('mount', ['-c', '-a', '-T', table], anyCode)).exitCode === 0;
  } catch {
    return false;
  } finally {
    await rm(table, {force: true});
  }
}

/** fstab(5): white space and backslashes are octal escapes. */
export function tableLine({target, options}: TmpfsWish, withoutSwap: boolean): string {
  const escaped = target.replace(
    /[\s\\#]/g,
    (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`,
  );
  const all = ['rw', ...options, ...(withoutSwap ? ['noswap'] : [])];
  return `tmpfs ${escaped} tmpfs ${all.join(',')} 0 0\n`;
}

async function mountOne({target, options}: TmpfsWish): Promise<void> {
  if (await isTmpfs(target)) return;
  const mount = (all: readonly string[]) =>
    run('mount', ['-c', '-t', 'tmpfs', ...(all.length === 0 ? [] : ['-o', all.join(',')]), 'tmpfs', target]);
  if (noswap)
    try {
      await mount([...options, 'noswap']);
      return;
    } catch {
      // It may have failed for another reason: only a mount that stands without it tells.
    }
  await mount(options);
  noswap = false;
}

async function unmountAll(wishes: readonly (readonly string[])[]): Promise<readonly unknown[]> {
  const points = wishes.flat();
  if (points.length > 1 && (await run('umount', ['-c', '--', ...points], anyCode)).exitCode === 0) return [];
  return each(wishes, async (own) => {
    for (const point of own) if (points.length === 1 || (await isMounted(point))) await unmount(point);
  });
}

async function each<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<readonly unknown[]> {
  const results = await Promise.allSettled(items.map(work));
  return results.map((result) => (result.status === 'rejected' ? result.reason : undefined));
}

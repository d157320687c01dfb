import {stat, writeFile} from 'node:fs/promises';
import {NodectlError} from '../../lib/errors.ts';
import {sleep} from '../clock.ts';
import {type Child, start} from '../process/exec.ts';
import {identify, isAlive} from '../process/processes.ts';
import {errno, isMissing, readText, removeFile} from './files.ts';

/** A held lock; it also ends with this process, however that ends. */
export type Lock = {release(): Promise<void>};

const conflict = 75;
/** util-linux's flock opens its file before anything else: the first number after the standard streams. */
const lockDescriptor = 3;

/**
 * Takes an advisory lock on a file and takes the file away with it. Node has no flock(2), so util-linux's `flock`
 * holds it for a `cat` whose stdin is a pipe of ours: when this process dies, the pipe closes, `cat` ends and the
 * kernel gives the lock back. No stale pid file is ever judged.
 * @throws NodectlError ND905 naming the holder
 */
export async function takeLock(path: string): Promise<Lock> {
  for (let tries = 0; ; tries++) {
    const outcome = await tryLock(path);
    if (typeof outcome === 'object') return outcome;
    if (outcome === 'removed') continue;
    const holder = Number(((await readText(path)) ?? '').trim());
    const living = holder > 0 ? await identify(holder) : undefined;
    // A holder that was just killed gives the lock back a moment later, when its `cat` has ended.
    if ((living !== undefined && (await isAlive(living))) || tries >= 20)
      throw new NodectlError('ND905', `process ${holder || 'unknown'} is changing this machine (${path})`);
    await sleep(50);
  }
}

/** `removed`: the holder before us took the file away between our open and our lock. */
async function tryLock(path: string): Promise<Lock | 'busy' | 'removed'> {
  const child = start('flock', ['--nonblock', '--conflict-exit-code', String(conflict), path, 'cat']);
  child.stdin.on('error', () => undefined);
  const echoed = new Promise<boolean>((resolve) => {
    child.stdout.once('data', () => resolve(true));
    child.stdout.once('end', () => resolve(false));
  });
  child.stdin.write('\n');
  if (await echoed) {
    if (await holdsPath(child, path)) {
      await tellHolder(path);
      return {release: () => release(child, path)};
    }
    child.stdin.end();
    await child;
    return 'removed';
  }
  const {exitCode, stderr} = await child;
  if (exitCode === conflict) return 'busy';
  // It says on stderr why it cannot open the file; the kernel says it again with a code: read-only, full.
  await writeFile(path, '', {flag: 'a'});
  throw new NodectlError('ND903', `flock ${path}: exit ${exitCode ?? 'unknown'} ${stderr ?? ''}`.trim());
}

/** For whoever finds it held. The lock is the kernel's, and holds as well on a disk that has no room for a number. */
async function tellHolder(path: string): Promise<void> {
  await writeFile(path, `${process.pid}\n`).catch((error: unknown) => {
    if (errno(error) !== 'ENOSPC' && errno(error) !== 'EDQUOT') throw error;
  });
}

async function holdsPath(child: Child, path: string): Promise<boolean> {
  try {
    const [held, named] = await Promise.all([stat(`/proc/${child.pid}/fd/${lockDescriptor}`), stat(path)]);
    return held.ino === named.ino && held.dev === named.dev;
  } catch (error) {
    if (isMissing(error)) return false;
    throw error;
  }
}

async function release(child: Child, path: string): Promise<void> {
  await removeFile(path);
  child.stdin.end();
  await child;
}

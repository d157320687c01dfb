import {writeFile} from 'node:fs/promises';
import {NodectlError} from '../lib/errors.ts';
import {sleep} from './clock.ts';
import {start} from './exec.ts';
import {readText} from './files.ts';
import {identify, isAlive} from './processes.ts';

/** A held lock; it also ends with this process, however that ends. */
export type Lock = {release(): Promise<void>};

const conflict = 75;

/**
 * Takes an advisory lock on a file. Node has no flock(2), so util-linux's `flock` holds it for a `cat` whose stdin
 * is a pipe of ours: when this process dies, the pipe closes, `cat` ends and the kernel gives the lock back. No
 * stale pid file is ever judged.
 * @throws NodectlError ND905 naming the holder
 */
export async function takeLock(path: string): Promise<Lock> {
  for (let tries = 0; ; tries++) {
    const lock = await tryLock(path);
    if (lock !== undefined) return lock;
    const holder = Number(((await readText(path)) ?? '').trim());
    const living = holder > 0 ? await identify(holder) : undefined;
    // A holder that was just killed gives the lock back a moment later, when its `cat` has ended.
    if ((living !== undefined && (await isAlive(living))) || tries >= 20)
      throw new NodectlError('ND905', `process ${holder || 'unknown'} holds ${path}`);
    await sleep(50);
  }
}

async function tryLock(path: string): Promise<Lock | undefined> {
  const child = start('flock', ['--nonblock', '--conflict-exit-code', String(conflict), path, 'cat']);
  const echoed = new Promise<boolean>((resolve) => {
    child.stdout.once('data', () => resolve(true));
    child.stdout.once('end', () => resolve(false));
  });
  child.stdin.on('error', () => undefined);
  child.stdin.write('\n');
  if (await echoed) {
    await writeFile(path, `${process.pid}\n`, {mode: 0o600});
    return {
      release: async () => {
        child.stdin.end();
        await child;
      },
    };
  }
  const {exitCode, stderr} = await child;
  if (exitCode === conflict) return undefined;
  throw new NodectlError('ND903', `flock ${path}: exit ${exitCode ?? 'unknown'} ${stderr ?? ''}`.trim());
}

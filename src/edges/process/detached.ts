import {spawn} from 'node:child_process';
import {open} from 'node:fs/promises';

export type DetachedOptions = {
  /** The whole environment: a daemon inherits nothing by accident. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  /** stdout and stderr are appended here. */
  readonly logFile: string;
};

/**
 * Starts a daemon in a session of its own, so that it outlives this process; resolves with the child once it has
 * been started, and reports its end through `exited`.
 */
export async function startDetached(
  argv: readonly string[],
  options: DetachedOptions,
): Promise<{pid: number; exited: Promise<{code: number | null; signal: string | null}>}> {
  const log = await open(options.logFile, 'a', 0o600);
  try {
    const child = spawn(argv[0] ?? '', argv.slice(1), {
      cwd: options.cwd,
      env: options.env,
      detached: true,
      stdio: ['ignore', log.fd, log.fd],
    });
    const exited = new Promise<{code: number | null; signal: string | null}>((resolve) => {
      child.once('exit', (code, signal) => resolve({code, signal}));
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    child.unref();
    return {pid: child.pid ?? -1, exited};
  } finally {
    await log.close();
  }
}

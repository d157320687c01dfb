import {spawn} from 'node:child_process';
import {open} from 'node:fs/promises';
import {execa, type Options, type ResultPromise} from 'execa';
import {NodectlError} from '../../lib/errors.ts';

export type RunOptions = {
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Exit codes that are answers, not errors; default [0]. */
  readonly okCodes?: readonly number[];
  /** Bytes of output kept; default 16 MiB. */
  readonly maxBuffer?: number;
};

export type RunResult = {readonly exitCode: number; readonly stdout: string; readonly stderr: string};

/**
 * Runs a program to its end. Arguments are an array; there is no shell anywhere in nodectl.
 * @throws NodectlError ND903 with the program's own last words when it cannot start, fails or takes too long
 */
export async function run(
  file: string,
  args: readonly string[] = [],
  options: RunOptions = {},
): Promise<RunResult> {
  const result = await execa(file, args, {
    ...childOptions(options),
    input: options.input,
    stdin: options.input === undefined ? 'ignore' : 'pipe',
    timeout: options.timeoutMs ?? 120_000,
    maxBuffer: options.maxBuffer ?? 16 * 1024 * 1024,
    reject: false,
  });
  const exitCode = result.exitCode ?? -1;
  if ((options.okCodes ?? [0]).includes(exitCode))
    return {exitCode, stdout: result.stdout, stderr: result.stderr};
  options.signal?.throwIfAborted();
  throw new NodectlError('ND903', failure(file, args, result), {cause: result.cause});
}

type Failed = {
  exitCode?: number;
  timedOut: boolean;
  signal?: string;
  stderr: string;
  stdout: string;
  originalMessage?: string;
};

function failure(file: string, args: readonly string[], result: Failed): string {
  const how = result.timedOut
    ? 'took too long'
    : result.exitCode !== undefined
      ? `exit ${result.exitCode}`
      : (result.signal ?? result.originalMessage ?? 'did not start');
  const words = (result.stderr.trim() || result.stdout.trim()).split('\n').slice(-8).join('\n');
  return `${[file, ...args].join(' ').slice(0, 200)}: ${how}${words === '' ? '' : `\n${words}`}`;
}

export type Child = ResultPromise<{
  buffer: false;
  reject: false;
  stdin: 'pipe';
  stdout: 'pipe';
  stderr: 'pipe';
}>;

/** Starts a long-lived program with piped streams; the caller reads them and ends it. */
export function start(file: string, args: readonly string[], options: RunOptions = {}): Child {
  return execa(file, args, {
    ...childOptions(options),
    buffer: false,
    reject: false,
    stdin: 'pipe',
    stdout: 'pipe',
    stderr: 'pipe',
  });
}

function childOptions(options: RunOptions): Pick<Options, 'cwd' | 'env' | 'cancelSignal' | 'extendEnv'> {
  const env = {...understood(process.env.PATH), ...options.env};
  return {cwd: options.cwd, env, extendEnv: true, cancelSignal: options.signal};
}

/** Where root's programs lie, most wanted first. */
export const systemPath = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

/**
 * Programs answer in English, whatever the user's language, and those of the system are found also by who came by
 * `su`, cron or cloud-init and has no /usr/sbin in PATH.
 */
export function understood(path = ''): Readonly<Record<string, string>> {
  const given = path.split(':').filter((directory) => directory !== '');
  const missing = systemPath.filter((directory) => !given.includes(directory));
  return {LC_ALL: 'C', PATH: [...given, ...missing].join(':')};
}

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

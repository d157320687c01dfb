import {type ChildProcessWithoutNullStreams, spawn} from 'node:child_process';
import {PassThrough, type Readable, type Writable} from 'node:stream';
import {childEnvironment} from './child-environment.ts';
import {graceMs, type RunOptions} from './run.ts';
import {endWithThis} from './with-this.ts';

export {type RunOptions, type RunResult, run} from './run.ts';

export type Ended = {
  /** Undefined when a signal ended it, or when it never began. */
  readonly exitCode?: number | undefined;
  readonly signal?: NodeJS.Signals | undefined;
  /** Why it never began. */
  readonly originalMessage?: string;
};

/** A program that runs. Awaiting it waits for its end, and until all is read that it has said; that never fails. */
export type Child = Promise<Ended> & {
  readonly pid?: number | undefined;
  readonly stdin: Writable;
  /** What nobody has begun to read when the program starts is thrown away. */
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Asks it to end; one that does not is killed a little later. */
  kill(signal?: NodeJS.Signals): void;
};

/** Starts a long-lived program with piped streams; the caller reads them and ends it. */
export function start(
  file: string,
  args: readonly string[],
  options: Pick<RunOptions, 'cwd' | 'env' | 'signal'> = {},
): Child {
  const {cwd, env, signal} = options;
  try {
    const child = spawn(file, args, {cwd, env: {...process.env, ...childEnvironment(env)}, stdio: 'pipe'});
    child.on('error', () => undefined);
    // Without free file descriptors it has no streams, and says so in a moment only.
    return 'stdin' in child ? running(child, signal) : unborn(`spawn ${file} EMFILE`);
  } catch (error) {
    return unborn(error instanceof Error ? error.message : String(error));
  }
}

function running(child: ChildProcessWithoutNullStreams, signal: AbortSignal | undefined): Child {
  const {pid, stdin, stdout, stderr} = child;
  // It may end at any time; its end tells how.
  for (const stream of [stdin, stdout, stderr]) stream.on('error', () => undefined);
  // Output that nobody reads would keep it from ending.
  setImmediate(() => {
    for (const stream of [stdout, stderr]) if (stream.readableFlowing === null) stream.resume();
  });
  let harder: NodeJS.Timeout | undefined;
  const kill = (how: NodeJS.Signals = 'SIGTERM') => {
    if (child.kill(how) && how === 'SIGTERM') harder ??= setTimeout(() => child.kill('SIGKILL'), graceMs);
  };
  const aborted = () => {
    // What it has left behind may keep its output open for ever.
    child.once('exit', () => stdout.destroy() && stderr.destroy());
    kill();
  };
  signal?.addEventListener('abort', aborted, {once: true});
  if (signal?.aborted) aborted();
  const forget = endWithThis(child);
  const over = () => {
    forget();
    clearTimeout(harder);
    signal?.removeEventListener('abort', aborted);
  };
  return Object.assign(endOf(child).finally(over), {pid, stdin, stdout, stderr, kill});
}

function endOf(child: ChildProcessWithoutNullStreams): Promise<Ended> {
  return new Promise((resolve) => {
    child.once('close', (exitCode, signal) =>
      resolve({exitCode: exitCode ?? undefined, signal: signal ?? undefined}),
    );
    child.on('error', ({message}) => {
      if (child.pid === undefined) resolve({originalMessage: message});
    });
  });
}

/** One that cannot even be tried: too long a command line, or no file descriptor left for its streams. */
function unborn(originalMessage: string): Child {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  for (const stream of [stdin, stdout, stderr]) stream.on('error', () => undefined).end();
  stdin.resume();
  return Object.assign(Promise.resolve({originalMessage}), {stdin, stdout, stderr, kill: () => undefined});
}

import {constants} from 'node:buffer';
import {type ChildProcess, spawn} from 'node:child_process';
import type {Readable} from 'node:stream';
import {NodectlError} from '../../lib/errors.ts';
import {childEnvironment} from './child-environment.ts';

export type RunOptions = {
  readonly input?: string | Uint8Array;
  readonly cwd?: string;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
  /** Exit codes that are answers, not errors; default [0]. */
  readonly okCodes?: readonly number[];
  /** Characters of output kept; default 16 Mi. */
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
  options.signal?.throwIfAborted();
  const ended = await outcome(file, args, options);
  const exitCode = ended.exitCode ?? -1;
  const {stdout, stderr} = ended;
  if ((options.okCodes ?? [0]).includes(exitCode)) return {exitCode, stdout, stderr};
  options.signal?.throwIfAborted();
  throw new NodectlError('ND903', failure(file, args, ended), {cause: ended.cause});
}

type Ended = {
  /** Undefined when a signal ended it, or when it never began. */
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  /** Without an exit code, how else. */
  readonly how: string;
  readonly cause?: unknown;
};

function failure(file: string, args: readonly string[], {exitCode, stdout, stderr, how}: Ended): string {
  const words = (stderr.trim() || stdout.trim()).split('\n').slice(-8).join('\n');
  const end = how === '' ? `exit ${exitCode}` : how;
  return `${[file, ...args].join(' ').slice(0, 200)}: ${end}${words === '' ? '' : `\n${words}`}`;
}

/** Who is asked to end has so long for it. */
const graceMs = 5000;

/** Programs that run: they end with this process. */
const running = new Set<ChildProcess>();

function endAll(): void {
  for (const child of running) child.kill();
}

async function outcome(file: string, args: readonly string[], options: RunOptions): Promise<Ended> {
  const {input, cwd, signal, timeoutMs = 120_000, maxBuffer = 16 * 1024 * 1024} = options;
  let child: ChildProcess;
  try {
    const env = {...process.env, ...childEnvironment(options.env)};
    child = spawn(file, args, {cwd, env, stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe']});
  } catch (cause) {
    return {exitCode: undefined, stdout: '', stderr: '', how: wordsOf(cause), cause};
  }
  const ending = new Ending(child);
  const late = setTimeout(() => ending.ask('took too long'), timeoutMs);
  const aborted = () => ending.ask('was given up');
  signal?.addEventListener('abort', aborted, {once: true});
  const texts = [child.stdout, child.stderr].map((stream) => new Text(stream, maxBuffer, ending));
  // It may end without reading all.
  child.stdin?.on('error', () => undefined).end(input);
  if (running.size === 0) process.once('exit', endAll);
  running.add(child);
  try {
    const ended = await ending.promise;
    const [stdout = '', stderr = ''] = texts.map((text) => text.whole());
    return {...ended, stdout, stderr};
  } finally {
    running.delete(child);
    if (running.size === 0) process.removeListener('exit', endAll);
    clearTimeout(late);
    signal?.removeEventListener('abort', aborted);
  }
}

/** How a program ends: by itself, once all is read that it and its own children had to say, or because it was asked to. */
class Ending {
  readonly promise: Promise<Pick<Ended, 'exitCode' | 'how' | 'cause'>>;
  readonly #child: ChildProcess;
  readonly #tell: (ended: Pick<Ended, 'exitCode' | 'how' | 'cause'>) => void;
  #asked: string | undefined;
  #harder: NodeJS.Timeout | undefined;

  constructor(child: ChildProcess) {
    const {promise, resolve} = Promise.withResolvers<Pick<Ended, 'exitCode' | 'how' | 'cause'>>();
    this.promise = promise;
    this.#child = child;
    this.#tell = resolve;
    child.once('close', () => this.#over());
    child.once('exit', () => this.#leave());
    child.on('error', (cause) => {
      if (child.pid === undefined) resolve({exitCode: undefined, how: wordsOf(cause), cause});
    });
  }

  ask(why: string): void {
    if (this.#asked !== undefined) return;
    this.#asked = why;
    this.#harder = setTimeout(() => this.#child.kill('SIGKILL'), graceMs);
    this.#child.kill();
    this.#leave();
  }

  /** What it left behind may keep its output open for ever: of who was asked to end that is not waited for. */
  #leave(): void {
    const {exitCode, signalCode, stdout, stderr} = this.#child;
    if (this.#asked === undefined || (exitCode === null && signalCode === null)) return;
    stdout?.destroy();
    stderr?.destroy();
    this.#over();
  }

  #over(): void {
    clearTimeout(this.#harder);
    const {exitCode, signalCode} = this.#child;
    const how = exitCode === null ? (signalCode ?? 'did not start') : '';
    this.#tell({exitCode: exitCode ?? undefined, how: this.#asked ?? how});
  }
}

/** What a program writes to one of its outputs. */
class Text {
  #text = '';

  constructor(stream: Readable | null, most: number, ending: Ending) {
    const bound = Math.min(most, constants.MAX_STRING_LENGTH);
    stream?.setEncoding('utf8').on('data', (piece: string) => {
      const room = bound - this.#text.length;
      this.#text += piece.slice(0, room);
      if (piece.length > room) ending.ask(`said more than ${bound} characters`);
    });
  }

  /** Without its last line break. */
  whole(): string {
    return this.#text.replace(/\r?\n$/, '');
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

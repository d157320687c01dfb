import {randomBytes} from 'node:crypto';
import {Backoff} from '../../lib/control/backoff.ts';
import {NodectlError} from '../../lib/errors.ts';
import type {Clock} from '../../lib/time.ts';
import {type Child, start} from '../process/exec.ts';
import {onLines} from '../process/lines.ts';
import {isThere, Refusal} from './nft-refusal.ts';
import {withStatements} from './statements-file.ts';

type Listed = 'all' | 'rules' | 'sets';

/** Runs nft statements; each call is one transaction: all of it or nothing. */
export type Nft = {
  /** @throws NodectlError ND712: nothing of it was done, or (when the child died) nobody knows */
  commit(statements: readonly string[]): Promise<void>;
  /**
   * Whether a map exists, without reading anything: nft's listings fetch every element of every table. The deletion
   * of an element that never exists (port 0) fails in the kernel where the map is there, and in nft where it is not.
   * @throws NodectlError ND712 when nobody knows
   */
  hasMap(place: string, map: string, impossibleKey: string): Promise<boolean>;
  /**
   * A table as nft prints it, line by line; false when there is none. `rules` leaves elements out, which are fetched
   * otherwise (55 MB at ten thousand Services); then other tables are printed as well. `sets` are these alone, with
   * what packets have put into them and for how long. nft begins anew whenever anybody has changed anything meanwhile:
   * `signal` ends what would come to no end.
   */
  list(place: string, what: Listed, onLine: (line: string) => void, signal: AbortSignal): Promise<boolean>;
  /**
   * A table that is made and deleted in one transaction, so that nobody ever sees it but who hears of transactions: a
   * process that has named it works for this one.
   */
  readonly mark: string;
  /** A transaction that does nothing else. */
  announce(): Promise<void>;
  stop(): Promise<void>;
};

/** What is longer it reads from a file: parsing it as a line costs more. */
const maxLineBytes = 16 * 1024;
/**
 * What is longer yet a process of its own does, which it takes memory for that ends with it. Not what is shorter: to be
 * copied for a child costs a proxy of ten thousand Services as long as what that child has to do.
 */
const maxIncludedBytes = 512 * 1024;
/** `nft -i` remembers each line as its history; after so much of it another one takes over. */
const maxSessionBytes = 1024 * 1024;
/** It also reads the history at its start and leaves it at its end in ~/.nft.history: there is no such home. */
const homeless = {HOME: '/dev/null'};
/** A commit takes milliseconds; a kernel that needs this long is stuck, and a child that does is replaced. */
const answerMs = 30_000;
/** An nft that was built without its interactive mode, or with another, is found out at once. */
const greetingMs = 3_000;
/** Or the machine had no time for it, or somebody killed it: it is tried again, more and more seldom. */
const greetAgain = {firstMs: 5_000, maxMs: 3_600_000};
/** Who has nothing more to do ends at once. */
const endMs = 1_000;
const fileTimeoutMs = 300_000;
const maxComplaint = 2_000;
export type NftOptions = {
  readonly clock: Clock;
  /** The network namespace is the process's own; tests put `nsenter --net=…` before nft. */
  readonly command?: readonly string[];
};

/**
 * nft through a child that stays: a change costs a fraction of a millisecond rather than a fork. One line is one
 * transaction. `nft -i` confirms nothing, so each line is followed by a word that is no statement; when the complaint
 * about that word arrives on stderr, everything before it has been done, and any other complaint is the answer. Where
 * nft cannot be talked to like that, each transaction is a process of its own.
 */
export function openNft({clock, command = ['nft']}: NftOptions): Nft {
  let session: Session | undefined;
  const unanswered = new Backoff(greetAgain);
  let queue: Promise<unknown> = Promise.resolve();
  const mark = `nodectl-${randomBytes(8).toString('hex')}`;
  const marking = [`add table ip ${mark}`, `delete table ip ${mark}`];
  const greet = async (): Promise<Session | undefined> => {
    const opened = new Session(command, clock);
    const answers = await opened.execute('', greetingMs).then(
      () => true,
      () => false,
    );
    if (!answers) {
      unanswered.fail('', clock.monotonic());
      return undefined;
    }
    unanswered.succeed('');
    // What it does next shows whether it works.
    await opened.execute(marking.join('; '), answerMs).catch(() => undefined);
    return opened;
  };
  const dispatch = async (statements: readonly string[]): Promise<void> => {
    const bytes = statements.reduce((sum, statement) => sum + statement.length, 0);
    const asFile = () => runFile(command, [...marking, ...statements]);
    if (bytes > maxIncludedBytes) return asFile();
    const isLine = bytes <= maxLineBytes;
    if (session !== undefined && (session.bytes > maxSessionBytes || (isLine && session.isGrown))) {
      void session.end();
      session = undefined;
    }
    if (!session?.alive)
      session = unanswered.remaining('', clock.monotonic()) > 0 ? undefined : await greet();
    if (session === undefined) return asFile();
    if (isLine) return session.execute(statements.join('; '), answerMs);
    const reader = session;
    // An nft that reads no such file, or has ended, says nothing of the transaction.
    await withStatements(statements, (path) => reader.include(path, answerMs)).catch(asFile);
  };
  const commit = (statements: readonly string[]): Promise<void> => {
    const result = queue.then(() => dispatch(statements));
    queue = result.catch(() => undefined);
    return result;
  };
  return {
    commit,
    hasMap: (place, map, impossibleKey) =>
      commit([`delete element ${place} ${map} { ${impossibleKey} }`]).then(() => true, isThere),
    list: (place, what, onLine, signal) => listTable(command, place, what, onLine, signal),
    mark,
    announce: () => commit(marking),
    async stop() {
      await queue;
      await session?.end();
    },
  };
}

async function runFile(
  [file = 'nft', ...args]: readonly string[],
  statements: readonly string[],
): Promise<void> {
  await withStatements(statements, async (path) => {
    const child = start(file, [...args, '-f', path], {signal: AbortSignal.timeout(fileTimeoutMs)});
    child.stdin.on('error', () => undefined).end();
    let complaint = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (complaint.length < maxComplaint) complaint += text;
    });
    child.stdout.resume();
    const {exitCode, signal, originalMessage} = await child;
    if (exitCode === 0) return;
    const words = complaint.trim().slice(0, maxComplaint);
    if (words !== '') throw new Refusal(words);
    throw new NodectlError('ND712', `nft ended: ${signal ?? originalMessage ?? `exit ${exitCode}`}`);
  });
}

async function listTable(
  [file = 'nft', ...args]: readonly string[],
  place: string,
  what: Listed,
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<boolean> {
  const [family = '', name = ''] = place.split(' ');
  const words = {
    all: ['--stateless', 'list', 'table', family, name],
    rules: ['--stateless', '--terse', 'list', 'ruleset'],
    sets: ['list', 'sets', family],
  }[what];
  const child = start(file, [...args, ...words], {signal});
  child.stdin.end();
  child.stderr.resume();
  let inside = false;
  let found = false;
  onLines(child.stdout, (line) => {
    if (line.startsWith('table ')) inside = line === `table ${place} {`;
    found ||= inside;
    if (inside) onLine(line);
  });
  return (await child).exitCode === 0 && found;
}

type Waiting = {readonly marker: string; settle(complaint: string | undefined, cause?: Error): void};

class Session {
  readonly #child: Child;
  readonly #clock: Clock;
  readonly #ended: Promise<unknown>;
  #stderr = '';
  #count = 0;
  #waiting: Waiting | undefined;
  alive = true;
  /** Of all lines so far. */
  bytes = 0;
  /** It keeps some megabytes of what it has read from files: when that is over another one takes over. */
  isGrown = false;

  constructor([file = 'nft', ...args]: readonly string[], clock: Clock) {
    this.#clock = clock;
    this.#child = start(file, [...args, '-i'], {env: homeless});
    this.#child.stdout.resume();
    this.#child.stdin.on('error', () => this.#die('its input is closed'));
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => this.#read(text));
    this.#ended = this.#child.then((result) => this.#die(result.signal ?? `exit ${result.exitCode}`));
  }

  async execute(line: string, timeoutMs: number): Promise<void> {
    const marker = `done-${++this.#count}`;
    this.bytes += line.length;
    const complaint = await new Promise<string | undefined>((resolve, reject) => {
      const cancel = this.#clock.after(timeoutMs, () => this.#die(`no answer within ${timeoutMs} ms`));
      this.#waiting = {
        marker,
        settle(text, cause) {
          cancel();
          if (cause === undefined) resolve(text);
          else reject(new NodectlError('ND712', 'the nft child ended', {cause}));
        },
      };
      if (this.alive) this.#child.stdin.write(line === '' ? `${marker}\n` : `${line}\n${marker}\n`);
      else this.#settle(undefined, new Error('it had ended before'));
    });
    if (complaint !== undefined) throw new Refusal(complaint.slice(0, maxComplaint));
  }

  include(path: string, timeoutMs: number): Promise<void> {
    this.isGrown = true;
    return this.execute(`include "${path}"`, timeoutMs);
  }

  async end(): Promise<void> {
    this.#child.stdin.end();
    const cancel = this.#clock.after(endMs, () => this.#die('it does not end'));
    await this.#ended;
    cancel();
  }

  #read(text: string): void {
    this.#stderr += text;
    const at = this.#waiting === undefined ? -1 : this.#stderr.indexOf(`\n${this.#waiting.marker}\n`);
    if (at < 0) return;
    const before = this.#stderr.slice(0, at);
    this.#stderr = this.#stderr.slice(at + 1);
    const own = before.lastIndexOf('Error:');
    const complaint = before.slice(Math.max(0, before.indexOf('Error:')), own);
    this.#settle(complaint.includes('Error:') ? complaint.trim() : undefined);
  }

  #settle(complaint: string | undefined, cause?: Error): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.settle(complaint, cause);
  }

  /** Whether the running line was committed is unknown now: the caller has to write the whole table again. */
  #die(why: string): void {
    this.alive = false;
    this.#child.kill('SIGKILL');
    this.#settle(undefined, new Error(why));
  }
}

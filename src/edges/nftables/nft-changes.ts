import type {Cancel, Clock} from '../../lib/time.ts';
import {type Child, start} from '../process/exec.ts';
import {onLines} from '../process/lines.ts';
import {NftEvents} from './nft-events.ts';

/** Hears of every transaction of nftables in this network namespace, whoever makes it. */
export type NftChanges = {
  /** It has been heard to work: who changes something is told of. */
  readonly hears: boolean;
  /** It may yet be heard to work, or soon again. */
  readonly starting: boolean;
  stop(): void;
};

type Options = {
  readonly clock: Clock;
  /** The name of ours. */
  readonly table: string;
  /** What our own processes have named in a transaction before they change anything (`Nft.mark`). */
  readonly mark: string;
  /** Somebody else has changed something that may be ours. */
  readonly onForeign: () => void;
  /** From now on changes are heard, for the first time or again; what happened until now was not. */
  readonly onHears?: () => void;
  /** Makes a transaction with the mark, so that it is soon known whether anything is heard. */
  readonly poke: () => Promise<unknown>;
  /** Tests put `nsenter --net=…` before it. */
  readonly command?: readonly string[];
};

/**
 * iptables' own monitor prints each generation with the process that made it, and keeps nothing: 2 MB, where
 * `nft monitor` holds a copy of every element. Without `stdbuf` it would speak in blocks of 4 KB, and without `setpriv` it
 * would stay, and wait for the next change, where this process is killed.
 */
const monitor = ['setpriv', '--pdeathsig', 'KILL', 'stdbuf', '-oL', 'xtables-monitor', '--event'];
/** The kernel's queue to it overflows in a large transaction, and it ends; what comes next is to be heard. */
const restartMs = 50;
/** One that ended as soon as it had begun. */
const shortLivedMs = 1_000;
const shortPauseMs = 2_000;
/** Portions of a large table end it one after the other; one that ends more often than that hears nothing. */
const mostShortLives = 5;
/** A program that is not there, or that this machine has no room for now, is asked again this seldom after so many tries. */
const maxTries = 3;
const seldomMs = 60_000;
const pokeMs = 200;
const maxPokes = 25;
/** On a machine that has other things to do it may hear later. */
const latePokeMs = 10_000;
/**
 * A kubelet, a network plugin or Docker that works through these names tables of theirs and can touch no other; looking
 * at ours after each of them would never end on a busy node.
 */
const iptables = /^(x?ip6?tables|ebtables|arptables)/;
/** Far more than work for us at a time; what has no process any more may be another's id. */
const maxPids = 64;

/** Without the program it does not hear. */
export function watchNftChanges(options: Options): NftChanges {
  return new Monitor(options);
}

class Monitor implements NftChanges {
  readonly #options: Options;
  #events: NftEvents;
  #child: Child | undefined;
  #cancel: Cancel = () => {};
  #cancelPoke: Cancel = () => {};
  #stopped = false;
  #works = false;
  #tries = 0;
  #alive = false;
  #startedMs = 0;
  /** In a row. */
  #shortLives = 0;
  #pokes = 0;
  /**
   * Processes that have named the mark, the last one last. The kernel tells them by their ids in the host's own pid
   * namespace, which cannot be known otherwise where this one runs in another.
   */
  readonly #own = new Set<number>();

  constructor(options: Options) {
    this.#options = options;
    this.#events = new NftEvents(options.table, options.mark);
    this.#start();
    void this.#poke();
  }

  get hears(): boolean {
    return this.#works && this.#alive;
  }

  get starting(): boolean {
    if (this.#works) return !this.#alive && !this.#stopped && this.#shortLives < mostShortLives;
    return this.#pokes < maxPokes && this.#tries < maxTries;
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
    this.#cancelPoke();
    this.#child?.kill('SIGKILL');
  }

  #start(): void {
    const [file = '', ...args] = [...(this.#options.command ?? []), ...monitor];
    const child = start(file, args);
    this.#child = child;
    this.#alive = true;
    this.#startedMs = this.#options.clock.monotonic();
    this.#events = new NftEvents(this.#options.table, this.#options.mark);
    child.stdin.on('error', () => undefined);
    child.stderr.resume();
    onLines(child.stdout, (line) => this.#line(line));
    void child.then(() => this.#ended());
  }

  /** One at a time: on a machine that is too busy to answer they would queue up before all else. */
  async #poke(): Promise<void> {
    if (this.#stopped || this.#works) return;
    this.#pokes++;
    if (this.#alive) await this.#options.poke().catch(() => undefined);
    if (this.#stopped) return;
    const pauseMs = this.starting ? pokeMs : latePokeMs;
    this.#cancelPoke = this.#options.clock.after(pauseMs, () => void this.#poke());
  }

  #line(line: string): void {
    const transaction = this.#events.line(line);
    if (transaction === undefined) return;
    const {pid, program, isElsewhere, isMarked} = transaction;
    const isOwn = this.#isOwn(pid, isMarked);
    // Until our own have named themselves they cannot be told from others.
    if (!this.#works && !isMarked) return;
    if (!this.#works) {
      this.#works = true;
      this.#options.onHears?.();
    }
    if (!isOwn && !isElsewhere && !iptables.test(program)) this.#options.onForeign();
  }

  #isOwn(pid: number, isMarked: boolean): boolean {
    if (!this.#own.delete(pid) && !isMarked) return false;
    this.#own.add(pid);
    const [oldest] = this.#own;
    if (this.#own.size > maxPids && oldest !== undefined) this.#own.delete(oldest);
    return true;
  }

  #ended(): void {
    this.#alive = false;
    if (this.#stopped) return;
    if (!this.#works) this.#tries++;
    const {clock, onHears} = this.#options;
    const isShort = clock.monotonic() - this.#startedMs < shortLivedMs;
    this.#shortLives = isShort ? this.#shortLives + 1 : 0;
    const isSeldom = !this.#works && this.#tries >= maxTries;
    this.#cancel = clock.after(isSeldom ? seldomMs : isShort ? shortPauseMs : restartMs, () => {
      this.#start();
      if (!this.#works) return;
      onHears?.();
      // One of ours may have begun while nobody listened.
      this.#cancelPoke = clock.after(pokeMs, () => void this.#options.poke().catch(() => undefined));
    });
  }
}

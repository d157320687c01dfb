import {realClock} from '../../edges/clock.ts';
import type {NftChanges} from '../../edges/nftables/nft-changes.ts';
import {describeError} from '../../lib/errors.ts';
import type {Logger} from '../../lib/log.ts';
import type {Cancel} from '../../lib/time.ts';
import type {ProxyAgent} from '../agent.ts';
import type {Serving} from '../assemble.ts';
import type {FamilyProxy} from './family-proxy.ts';
import {inspectionDue, type Look, type Seen} from './inspection-due.ts';
import {Suspects} from './suspects.ts';

/** One table in turn is looked for; a flushed ruleset lacks both, so it is noticed within one period. */
const periodMs = 450;
/** Where changes are heard of, the look is only for what hearing may have missed. */
const heardPeriodMs = 2_000;
/** nft needs 60 MB and a second of a core to list thirty thousand; so many are listed in a few dozen milliseconds. */
const fewElements = 5_000;
/** After so many repairs in a row that a listing does not bear out, nft may print our rules differently now. */
const relearnAfter = 3;
/** What comes at once, as a firewall's reload does, is looked at together, and what comes all the time so often. */
const gatherMs = 30;
const nextGatherMs = 200;

export type TableWatch = {
  /** Everything is in the kernel for the first time: from now on others are heard. */
  begin(): void;
  stop(): void;
};

/** Notices that somebody else has changed a table, as a whole or a single element, and has it written again. */
export function watchTables(
  serving: Serving,
  agent: ProxyAgent,
  proxies: readonly FamilyProxy[],
): TableWatch {
  const watch = new Watch(serving, agent, proxies);
  watch.start();
  return watch;
}

class Watch implements TableWatch {
  readonly #planes: Serving['planes'];
  readonly #log: Logger;
  readonly #agent: ProxyAgent;
  readonly #proxies: readonly FamilyProxy[];
  readonly #repairs = new Map<FamilyProxy, number>();
  #changes: NftChanges | undefined;
  #stopped = false;
  #cancelLook: Cancel = () => {};
  #cancelInspection: Cancel = () => {};
  #running = false;
  readonly #suspects = new Suspects<FamilyProxy>();
  #last: Seen = {endMs: Number.NEGATIVE_INFINITY, tookMs: 0, lines: 0};
  #fruitless = 0;
  /** Since when inspections have come to nothing, as we have written meanwhile. */
  #unsureSinceMs: number | undefined;
  #lastLookMs = Number.NEGATIVE_INFINITY;
  #looksSoon = false;

  constructor({planes, log}: Serving, agent: ProxyAgent, proxies: readonly FamilyProxy[]) {
    this.#planes = planes;
    this.#log = log;
    this.#agent = agent;
    this.#proxies = proxies;
  }

  start(): void {
    this.#lookLater(0);
  }

  begin(): void {
    if (this.#stopped) return;
    this.#changes = this.#planes.changes({
      onForeign: () => this.#heard(),
      // Where it costs little it is looked for changes that were made before any could be heard.
      onHears: () =>
        this.#proxies.every(({elements}) => elements < fewElements) ? this.#heard() : this.#lookSoon(),
    });
    this.#inspectLater();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelLook();
    this.#cancelInspection();
    this.#changes?.stop();
  }

  #heard(): void {
    for (const proxy of this.#proxies) this.#suspects.heard(proxy, realClock.monotonic());
    this.#lookSoon();
    this.#inspectLater();
  }

  #lookLater(turn: number): void {
    const ms = this.#changes?.hears ? heardPeriodMs : periodMs;
    this.#cancelLook = realClock.after(ms, () => void this.#look(turn));
  }

  /** A listing may have to wait; whether a table is there at all is known within a moment. */
  #lookSoon(): void {
    if (this.#looksSoon || this.#stopped) return;
    this.#looksSoon = true;
    const pauseMs = this.#lastLookMs + nextGatherMs - realClock.monotonic();
    realClock.after(Math.max(gatherMs, pauseMs), () => void this.#lookAtAll());
  }

  async #lookAtAll(): Promise<void> {
    this.#looksSoon = false;
    this.#lastLookMs = realClock.monotonic();
    for (const proxy of this.#proxies) if (!this.#stopped) await this.#isMissing(proxy);
  }

  /** Whether the tables are there at all, for next to nothing. */
  async #look(turn: number): Promise<void> {
    const [first, ...others] = [...this.#proxies.slice(turn), ...this.#proxies.slice(0, turn)];
    if (first !== undefined && (await this.#isMissing(first)))
      for (const other of others) await this.#isMissing(other);
    if (!this.#stopped) this.#lookLater((turn + 1) % this.#proxies.length);
  }

  async #isMissing(proxy: FamilyProxy): Promise<boolean> {
    if (!proxy.known) return false;
    const there = await proxy.isIntact().catch((error: unknown) => {
      // Nobody knows: it is looked again soon.
      this.#log.debug('the table could not be looked for', {error: describeError(error)});
      return true;
    });
    // While this was asked the table may have become unknown for another reason: then it is being written anyway.
    if (there || this.#stopped || !proxy.known) return false;
    this.#log.warn('somebody removed the table of service rules; it is written again', {
      family: proxy.family,
    });
    this.#agent.repair(proxy);
    return true;
  }

  #inspectLater(): void {
    this.#cancelInspection();
    if (this.#stopped || this.#running) return;
    const due = inspectionDue({
      nowMs: realClock.monotonic(),
      hears: this.#hears,
      foreign: this.#proxies.some((proxy) => this.#isSuspect(proxy)),
      fruitless: this.#fruitless,
      last: this.#last,
      unsureMs: this.#unsureSinceMs === undefined ? 0 : realClock.monotonic() - this.#unsureSinceMs,
    });
    this.#cancelInspection = realClock.after(due.inMs, () => void this.#inspectAll(due));
  }

  get #hears(): boolean {
    return (this.#changes?.hears ?? false) || (this.#changes?.starting ?? false);
  }

  #isSuspect(proxy: FamilyProxy): boolean {
    return this.#suspects.has(proxy, proxy.writtenMs);
  }

  async #inspectAll(look: Look): Promise<void> {
    this.#running = true;
    const startMs = realClock.monotonic();
    let lines = 0;
    for (const proxy of this.#proxies)
      lines += await this.#inspect(proxy, look).catch((error: unknown) => {
        this.#log.debug('the table could not be listed', {error: describeError(error)});
        return 0;
      });
    const endMs = realClock.monotonic();
    this.#last = {endMs, tookMs: endMs - startMs, lines};
    this.#running = false;
    const unsure = this.#proxies.some((proxy) => this.#isSuspect(proxy));
    this.#unsureSinceMs = unsure ? (this.#unsureSinceMs ?? startMs) : undefined;
    this.#inspectLater();
  }

  /** Answers with how much was read. */
  async #inspect(proxy: FamilyProxy, {what: most, holds}: Look): Promise<number> {
    const what = this.#hears && !this.#isSuspect(proxy) ? 'rules' : most;
    if (!proxy.known || (what === 'rules' && !proxy.learns)) return 0;
    // One that is being written now is looked at afterwards, if anything was heard since.
    if (what === 'all' && ((await this.#isMissing(proxy)) || !proxy.known)) return 0;
    const startMs = realClock.monotonic();
    const inspected = await proxy.inspect({what, holds});
    // It was written meanwhile: whether somebody has changed it before is not known yet.
    if (this.#stopped || inspected === undefined) return 0;
    const {changed, lines} = inspected;
    if (what === 'all') this.#suspects.seen(proxy, startMs);
    this.#repaired(proxy, changed);
    return lines;
  }

  #repaired(proxy: FamilyProxy, changed: string | undefined): void {
    const repairs = changed === undefined ? 0 : (this.#repairs.get(proxy) ?? 0) + 1;
    this.#repairs.set(proxy, repairs);
    this.#fruitless = Math.max(...this.#repairs.values());
    if (changed === undefined) return;
    this.#log.warn('somebody changed the table of service rules; it is written again', {
      family: proxy.family,
      changed,
      ...(repairs > 1 ? {repairs} : {}),
    });
    if (repairs % relearnAfter === 0) proxy.relearn();
    // Somebody may do it again at once: that is looked at once more.
    this.#suspects.verify(proxy);
    this.#agent.repair(proxy);
  }
}

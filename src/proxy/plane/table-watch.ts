import {realClock} from '../../edges/clock.ts';
import type {NftChanges} from '../../edges/nftables/nft-changes.ts';
import {describeError} from '../../lib/errors.ts';
import type {Logger} from '../../lib/log.ts';
import type {Cancel} from '../../lib/time.ts';
import type {ProxyAgent} from '../agent.ts';
import type {Serving} from '../assemble.ts';
import type {FamilyProxy} from './family-proxy.ts';
import {inspectionDue, type Seen} from './inspection-due.ts';

/** One table in turn is looked for; a flushed ruleset lacks both, so it is noticed within one period. */
const periodMs = 450;
/** Where changes are heard of, the look is only for what hearing may have missed. */
const heardPeriodMs = 2_000;
/** nft needs 60 MB and a second of a core to list thirty thousand; so many are listed in a few dozen milliseconds. */
const fewElements = 5_000;
/** After so many repairs in a row that a listing does not bear out, nft may print our rules differently now. */
const relearnAfter = 3;

export type TableWatch = {
  /** Everything is in the kernel for the first time: from now on others are heard. */
  begin(): Promise<void>;
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
  /** Since the last inspection began. */
  #foreign = false;
  #last: Seen = {endMs: Number.NEGATIVE_INFINITY, tookMs: 0, lines: 0};
  #fruitless = 0;

  constructor({planes, log}: Serving, agent: ProxyAgent, proxies: readonly FamilyProxy[]) {
    this.#planes = planes;
    this.#log = log;
    this.#agent = agent;
    this.#proxies = proxies;
  }

  start(): void {
    this.#lookLater(0);
  }

  async begin(): Promise<void> {
    if (this.#stopped) return;
    const changes = await this.#planes.changes({
      onForeign: () => this.#heard(),
      // Where it costs little it is looked for changes that were made before any could be heard.
      onHears: () => this.#proxies.every(({elements}) => elements < fewElements) && this.#heard(),
    });
    if (this.#stopped) return changes?.stop();
    this.#changes = changes;
    this.#inspectLater();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelLook();
    this.#cancelInspection();
    this.#changes?.stop();
  }

  #heard(): void {
    this.#foreign = true;
    this.#inspectLater();
  }

  #lookLater(turn: number): void {
    const ms = this.#changes?.hears ? heardPeriodMs : periodMs;
    this.#cancelLook = realClock.after(ms, () => void this.#look(turn));
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
    const there = await proxy.isIntact();
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
      hears: (this.#changes?.hears ?? false) || (this.#changes?.starting ?? false),
      foreign: this.#foreign,
      fruitless: this.#fruitless,
      last: this.#last,
    });
    this.#cancelInspection = realClock.after(due.inMs, () => void this.#inspectAll(due.what));
  }

  async #inspectAll(what: 'all' | 'rules'): Promise<void> {
    this.#running = true;
    this.#foreign = false;
    const startMs = realClock.monotonic();
    let lines = 0;
    for (const proxy of this.#proxies)
      lines += await this.#inspect(proxy, what).catch((error: unknown) => {
        this.#log.debug('the table could not be listed', {error: describeError(error)});
        return 0;
      });
    const endMs = realClock.monotonic();
    this.#last = {endMs, tookMs: endMs - startMs, lines};
    this.#running = false;
    this.#inspectLater();
  }

  /** Answers with how much was read. */
  async #inspect(proxy: FamilyProxy, what: 'all' | 'rules'): Promise<number> {
    if (!proxy.known || (what === 'rules' && !proxy.learns)) return 0;
    if (what === 'all' && (await this.#isMissing(proxy))) return 0;
    const inspected = await proxy.inspect(what);
    if (this.#stopped) return 0;
    // It was written meanwhile: whether somebody has changed it before is not known yet.
    if (inspected === undefined) {
      this.#foreign ||= what === 'all';
      return 0;
    }
    const {changed, lines} = inspected;
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
    this.#foreign = true;
    this.#agent.repair(proxy);
  }
}

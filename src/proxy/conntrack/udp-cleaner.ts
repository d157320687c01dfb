import type {Family} from '../../lib/addresses.ts';
import {Backoff} from '../../lib/control/backoff.ts';
import {describeError} from '../../lib/errors.ts';
import type {EndpointSlice, Service} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import type {Cancel, Clock} from '../../lib/time.ts';
import type {ProxyMetrics} from '../health/metrics.ts';
import {
  closed,
  type Flow,
  noFrontends,
  signature,
  staleAmong,
  type UdpFrontend,
  udpFrontends,
} from './conntrack.ts';

export type FlowTable = {
  /** Each kind of flow that is wanted, once. */
  list(family: Family, wanted: (flow: Flow) => boolean): Promise<readonly Flow[]>;
  delete(family: Family, flow: Flow): Promise<number>;
};

type Options = {
  readonly family: Family;
  readonly flows: FlowTable;
  readonly metrics: ProxyMetrics;
  readonly clock: Clock;
  readonly log: Logger;
};

type Noted = {readonly now: readonly UdpFrontend[]; readonly gone: readonly UdpFrontend[]};

/** Where flows cannot be listed: a busy machine has no room for that, or conntrack is not installed. */
const tryAgain = {firstMs: 1_000, maxMs: 60_000};
/** Each deletion is a child process; so many run at once. */
const parallel = 4;

/**
 * Ends UDP flows to endpoints that are gone: a tracked flow never asks the rules again, so its client would talk to
 * nobody for as long as it keeps sending. Runs after a commit and beside the next ones.
 */
export class UdpCleaner {
  readonly #options: Options;
  /** As committed. */
  readonly #known = new Map<string, readonly UdpFrontend[]>();
  /** What differs from that. */
  readonly #noted = new Map<string, Noted>();
  /** What is committed, and not looked at yet. */
  readonly #pending = new Map<string, readonly UdpFrontend[]>();
  readonly #backoff = new Backoff(tryAgain);
  #cancel: Cancel = () => {};
  #told = false;
  #running: Promise<void> | undefined;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Notes what a Service is now; the next `clean` looks at it if that changed who may answer. */
  note(key: string, service: Service | undefined, slices: readonly EndpointSlice[]): void {
    const now = udpFrontends(service, slices, this.#options.family);
    const noted = this.#noted.get(key);
    const before = noted?.now ?? this.#known.get(key) ?? noFrontends;
    if (before === now || signature(before) === signature(now)) return;
    this.#noted.set(key, {now, gone: closed([...before, ...(noted?.gone ?? [])], now)});
  }

  /**
   * What was noted is committed. A flow that is ended sooner would only be made again, to its old endpoint, by the next
   * packet.
   */
  clean(): void {
    for (const [key, {now, gone}] of this.#noted) {
      if (now.length === 0) this.#known.delete(key);
      else this.#known.set(key, now);
      this.#pending.set(key, [...now, ...gone, ...closed(this.#pending.get(key) ?? [], [...now, ...gone])]);
    }
    this.#noted.clear();
    this.#begin();
  }

  #begin(): void {
    this.#cancel();
    if (this.#pending.size === 0 || this.#running !== undefined) return;
    this.#running = this.#round().then((againInMs) => {
      this.#running = undefined;
      if (againInMs === undefined) this.#begin();
      else this.#cancel = this.#options.clock.after(againInMs, () => this.#begin());
    });
  }

  async stop(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    this.#cancel();
  }

  /** Answers with the pause before the next try when this one failed. */
  async #round(): Promise<number | undefined> {
    const {family, flows, metrics, clock} = this.#options;
    const taken = new Map(this.#pending);
    this.#pending.clear();
    const started = clock.monotonic();
    let againInMs: number | undefined;
    try {
      const stale = await flows.list(family, staleAmong(this.#withoutReused([...taken.values()].flat())));
      let deleted = 0;
      for (let i = 0; i < stale.length; i += parallel) {
        const some = stale.slice(i, i + parallel).map((flow) => flows.delete(family, flow));
        for (const count of await Promise.all(some)) deleted += count;
      }
      metrics.conntrackDeleted.inc({ip_family: family}, deleted);
      this.#backoff.succeed('');
      this.#told = false;
    } catch (error) {
      againInMs = this.#backoff.fail('', clock.monotonic());
      this.#failed(taken, error);
    }
    metrics.conntrackDuration.observe({ip_family: family}, (clock.monotonic() - started) / 1000);
    return againInMs;
  }

  /** What was committed meanwhile says more of a Service than what was to be looked at. */
  #failed(taken: ReadonlyMap<string, readonly UdpFrontend[]>, error: unknown): void {
    for (const [key, frontends] of taken) {
      const newer = this.#pending.get(key) ?? noFrontends;
      this.#pending.set(key, newer.length === 0 ? frontends : [...newer, ...closed(frontends, newer)]);
    }
    const {log} = this.#options;
    log[this.#told ? 'debug' : 'warn']('UDP flows to old endpoints could not be ended, trying again', {
      error: describeError(error),
    });
    this.#told = true;
  }

  /** A frontend that one Service closed may be another's by now, or two claim it: the open ones say who answers. */
  #withoutReused(frontends: readonly UdpFrontend[]): UdpFrontend[] {
    const open = new Map<string, UdpFrontend>();
    for (const frontend of [...this.#known.values()].flat()) {
      const key = `${frontend.address} ${frontend.port}`;
      const other = open.get(key);
      const both = other && {...frontend, answers: new Set([...other.answers, ...frontend.answers])};
      open.set(key, both ?? frontend);
    }
    return frontends.map((f) => open.get(`${f.address} ${f.port}`) ?? f);
  }
}

import type {Family} from '../../lib/addresses.ts';
import {describeError} from '../../lib/errors.ts';
import type {EndpointSlice, Service} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import type {ProxyMetrics} from '../health/metrics.ts';
import {closed, type Flow, signature, staleAmong, type UdpFrontend, udpFrontends} from './conntrack.ts';

export type FlowTable = {
  /** Each kind of flow that is wanted, once. */
  list(family: Family, wanted: (flow: Flow) => boolean): Promise<readonly Flow[]>;
  delete(family: Family, flow: Flow): Promise<number>;
};

type Options = {
  readonly family: Family;
  readonly flows: FlowTable;
  readonly metrics: ProxyMetrics;
  readonly monotonic: () => number;
  readonly log: Logger;
};

type Noted = {readonly now: readonly UdpFrontend[]; readonly gone: readonly UdpFrontend[]};

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
  #running: Promise<void> | undefined;

  constructor(options: Options) {
    this.#options = options;
  }

  /** Notes what a Service is now; the next `clean` looks at it if that changed who may answer. */
  note(key: string, service: Service | undefined, slices: readonly EndpointSlice[]): void {
    const now = udpFrontends(service, slices, this.#options.family);
    const noted = this.#noted.get(key);
    const before = noted?.now ?? this.#known.get(key) ?? [];
    if (signature(before) === signature(now)) return;
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
    if (this.#pending.size === 0 || this.#running !== undefined) return;
    this.#running = this.#round().finally(() => {
      this.#running = undefined;
      this.#begin();
    });
  }

  async idle(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
  }

  async #round(): Promise<void> {
    const {family, flows, metrics, monotonic, log} = this.#options;
    const frontends = [...this.#pending.values()].flat();
    this.#pending.clear();
    const started = monotonic();
    try {
      const stale = await flows.list(family, staleAmong(this.#withoutReused(frontends)));
      let deleted = 0;
      for (let i = 0; i < stale.length; i += parallel) {
        const some = stale.slice(i, i + parallel).map((flow) => flows.delete(family, flow));
        for (const count of await Promise.all(some)) deleted += count;
      }
      metrics.conntrackDeleted.inc({ip_family: family}, deleted);
    } catch (error) {
      log.warn('UDP flows to old endpoints could not be ended', {error: describeError(error)});
    }
    metrics.conntrackDuration.observe({ip_family: family}, (monotonic() - started) / 1000);
  }

  /** A frontend that one Service closed may be another's by now: the open one says who answers. */
  #withoutReused(frontends: readonly UdpFrontend[]): UdpFrontend[] {
    const open = new Map([...this.#known.values()].flat().map((f) => [`${f.address} ${f.port}`, f]));
    return frontends.map((f) => open.get(`${f.address} ${f.port}`) ?? f);
  }
}

import type {Family} from '../../lib/addresses.ts';
import {Backoff} from '../../lib/control/backoff.ts';
import {describeError} from '../../lib/errors.ts';
import type {Logger} from '../../lib/log.ts';
import type {Clock} from '../../lib/time.ts';
import type {UdpCleaner} from '../conntrack/udp-cleaner.ts';
import type {ProxyHealth} from '../health/health.ts';
import type {ProxyMetrics} from '../health/metrics.ts';
import type {Look} from './inspection-due.ts';
import type {Changes, Committed, DataPlane, Inspected} from './plane.ts';

export type FamilyProxyOptions = {
  readonly family: Family;
  readonly plane: DataPlane;
  readonly cleaner: UdpCleaner;
  readonly health: ProxyHealth;
  readonly metrics: ProxyMetrics;
  readonly clock: Clock;
  readonly log: Logger;
  /** The longest pause before a failed commit is tried again: syncPeriod. */
  readonly maxRetryMs: number;
};

export type Round = Pick<Changes, 'sources'> & {
  /** When what changed was triggered, in milliseconds of the wall clock. */
  readonly triggers: readonly number[];
};

/** One family's half of the proxy: it fails and is repaired without the other. */
export class FamilyProxy {
  readonly #options: FamilyProxyOptions;
  readonly #backoff: Backoff;
  #commits = 0;
  /** When the last commit of the whole table began. */
  #writtenMs = Number.NEGATIVE_INFINITY;
  /** What deciding has cost since the last commit began. */
  #decidedMs = 0;

  constructor(options: FamilyProxyOptions) {
    this.#options = options;
    this.#backoff = new Backoff({firstMs: 100, maxMs: options.maxRetryMs});
  }

  get family(): Family {
    return this.#options.family;
  }

  queued(): void {
    const {family, health, metrics, clock} = this.#options;
    health.queued(family);
    metrics.lastQueued.set({ip_family: family}, clock.now() / 1000);
  }

  /** The table was touched by somebody else: the next round writes all of it. */
  forget(): void {
    this.#options.plane.forget();
  }

  get known(): boolean {
    return this.#options.plane.known;
  }

  /** Grows with each commit. */
  get commits(): number {
    return this.#commits;
  }

  get writtenMs(): number {
    return this.#writtenMs;
  }

  /** Service ports and their verdicts, as they should be in the kernel. */
  services(): ReadonlyMap<string, string> | undefined {
    return this.#options.plane.services?.();
  }

  isIntact(): Promise<boolean> {
    return this.#options.plane.isIntact();
  }

  get elements(): number {
    return this.#options.plane.elements ?? 0;
  }

  get learns(): boolean {
    return this.#options.plane.learns ?? false;
  }

  async inspect({what, holds}: Look): Promise<Inspected | undefined> {
    return this.#options.plane.inspect?.(what, holds);
  }

  relearn(): void {
    this.#options.plane.relearn?.();
  }

  /** The first commit must be of all Services: it replaces rules that serve, or costs as much as the last. */
  async startsWhole(): Promise<boolean> {
    const {plane} = this.#options;
    // Where nobody knows there may be rules that serve.
    return plane.mode === 'iptables' || (await plane.isIntact().catch(() => true));
  }

  /** What is wanted can be decided while the next commit is on its way: not while the whole table is read for it. */
  get decidesAhead(): boolean {
    const {mode, known} = this.#options.plane;
    return mode === 'nftables' && known;
  }

  decide(changes: Changes): void {
    const {plane, clock} = this.#options;
    const started = clock.monotonic();
    plane.update(changes);
    this.#decidedMs += clock.monotonic() - started;
  }

  /** Commits what was decided. Answers with the pause before the next try when that failed. */
  async commit({sources, triggers}: Round): Promise<number | undefined> {
    const {plane, cleaner, clock, family, metrics, log} = this.#options;
    const started = clock.monotonic() - this.#decidedMs;
    this.#decidedMs = 0;
    try {
      for (const [key, {service, slices}] of sources) cleaner.note(key, service, slices);
      const beganMs = clock.monotonic();
      const how = await plane.commit();
      if (how === 'full') this.#writtenMs = beganMs;
      this.#committed(how, (clock.monotonic() - started) / 1000, triggers);
      this.#backoff.succeed(family);
      cleaner.clean();
      return undefined;
    } catch (error) {
      // What was decided is not in the kernel: only the whole table can follow.
      plane.forget();
      if (plane.mode === 'nftables') metrics.syncFailures.inc({ip_family: family});
      const retryInMs = this.#backoff.fail(family, clock.monotonic());
      log.error('service rules could not be committed', {family, retryInMs, error: describeError(error)});
      return retryInMs;
    }
  }

  /** Deletes what fell out of use a while ago. */
  async sweep(): Promise<void> {
    const {plane, family, metrics, log} = this.#options;
    await plane.sweep().catch((error: unknown) => {
      metrics.cleanupFailures.inc({ip_family: family});
      log.debug('old chains could not be deleted yet', {family, error: describeError(error)});
    });
  }

  get sweepInMs(): number | undefined {
    return this.#options.plane.sweepInMs;
  }

  async stop(): Promise<void> {
    await this.#options.cleaner.stop();
  }

  #committed(how: Committed, seconds: number, triggers: readonly number[]): void {
    const {family, metrics, health, clock, plane} = this.#options;
    const labels = {ip_family: family};
    this.#commits++;
    metrics.sync.observe(labels, seconds);
    (how === 'full' ? metrics.fullSync : metrics.partialSync).observe(labels, seconds);
    metrics.lastSync.set(labels, clock.now() / 1000);
    for (const trigger of triggers)
      metrics.networkProgramming.observe(labels, (clock.now() - trigger) / 1000);
    for (const policy of ['internal', 'external'] as const)
      metrics.noLocalEndpoints.set({traffic_policy: policy, ...labels}, plane.withoutLocal[policy]);
    health.updated(family);
  }
}

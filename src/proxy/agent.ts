import {describeError} from '../lib/errors.ts';
import type {EndpointSlice, Service} from '../lib/kubernetes.ts';
import type {Logger} from '../lib/log.ts';
import type {Cancel, Clock} from '../lib/time.ts';
import {Ahead} from './ahead.ts';
import {commitInMs} from './batch.ts';
import {Caches, type Change, type Stores, type Taken} from './caches.ts';
import type {ProxyMetrics} from './health/metrics.ts';
import type {NodeView} from './model/node.ts';
import {NodeContexts, type NodePortPlaces} from './node-contexts.ts';
import type {FamilyProxy} from './plane/family-proxy.ts';
import type {ServiceSource} from './table/family-table.ts';

export type AgentOptions = NodePortPlaces & {
  readonly families: readonly FamilyProxy[];
  readonly stores: Stores;
  readonly clock: Clock;
  readonly log: Logger;
  readonly metrics: ProxyMetrics;
  /** No change waits longer than this for others. */
  readonly maxWaitMs: number;
  /** After each round, with what it looked at. */
  readonly onSynced: (sources: ReadonlyMap<string, ServiceSource>) => void;
};

/**
 * So many Services are committed at once: at the start the first of them work long before the last are read, and nft
 * needs 4 MB for them on top of its own 4.
 */
const portion = 500;
/** A mistake of ours must not become a busy loop. */
const failedRoundMs = 1_000;

/** Turns changes of the API into rounds: one at a time, each with everything that has changed since the last. */
export class ProxyAgent {
  readonly #options: AgentOptions;
  readonly #caches: Caches;
  #node: NodeView;
  readonly #contexts: NodeContexts;
  #started = false;
  #running: Promise<void> | undefined;
  #timer: {readonly atMs: number; readonly cancel: Cancel} | undefined;
  #sweepTimer: Cancel | undefined;
  #lastEndMs: number | undefined;
  #lastTookMs = 0;
  /** After a failure nothing is tried before this time. */
  #notBeforeMs = 0;
  #stopped = false;
  /** The last round left some of what had changed to the next. */
  #isPartial = false;
  readonly #ahead = new Ahead();
  #takesOver: boolean | undefined;

  constructor(options: AgentOptions, node: NodeView) {
    this.#options = options;
    this.#caches = new Caches(options.stores, options.clock.now());
    this.#node = node;
    this.#contexts = new NodeContexts(options);
  }

  get node(): NodeView {
    return this.#node;
  }

  serviceChanged(change: Change<Service>): void {
    this.#caches.serviceChanged(change);
    this.#options.metrics.serviceChanges.inc();
    this.#options.metrics.serviceChangesPending.inc();
    this.#queued();
  }

  sliceChanged(change: Change<EndpointSlice>): void {
    this.#caches.sliceChanged(change);
    this.#options.metrics.endpointChanges.inc();
    this.#options.metrics.endpointChangesPending.inc();
    this.#queued();
  }

  /** Hints are of zones and nodes, source ranges of the node's address: a change concerns every Service. */
  nodeChanged(node: NodeView): void {
    const before = this.#node;
    this.#node = node;
    const same = before.zone === node.zone && addressText(before) === addressText(node);
    if (!same) this.#caches.all();
    this.refresh();
  }

  serviceCIDRsChanged(cidrs: readonly string[]): void {
    this.#contexts.serviceCIDRs = cidrs;
    this.refresh();
  }

  /** Looks whether the machine's addresses have changed. */
  refresh(): void {
    if (this.#contextChanged) this.#queued();
  }

  /** Everything that is known is in the kernel. */
  get isComplete(): boolean {
    return !this.#isBehind && this.#options.families.every(({known}) => known);
  }

  get #contextChanged(): boolean {
    return this.#options.families.some(({family}) => this.#contexts.hasChanged(family, this.#node));
  }

  get #isBehind(): boolean {
    return this.#caches.isDirty || !this.#ahead.isEmpty;
  }

  /** Both Services and EndpointSlices are known: from now on the kernel follows them. */
  start(): void {
    this.#started = true;
    this.#options.log.info('Services and EndpointSlices are known');
    this.#queued();
  }

  /** Writes this family's table again as a whole. */
  repair(family: FamilyProxy): void {
    family.forget();
    this.#queued();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#sweepTimer?.();
    await this.#running;
    for (const family of this.#options.families) await family.stop();
  }

  #queued(): void {
    if (!this.#started || this.#stopped) return;
    for (const family of this.#options.families) family.queued();
    if (this.#running !== undefined) return;
    const nowMs = this.#options.clock.monotonic();
    const facts = {nowMs, lastEndMs: this.#lastEndMs, lastTookMs: this.#lastTookMs};
    const waitMs = commitInMs({...facts, maxWaitMs: this.#options.maxWaitMs});
    this.#runIn(Math.max(waitMs, this.#notBeforeMs - nowMs));
  }

  /** A round in `ms` unless an earlier one is due. */
  #runIn(ms: number): void {
    const {clock} = this.#options;
    const atMs = clock.monotonic() + ms;
    if (this.#timer !== undefined && this.#timer.atMs <= atMs) return;
    this.#timer?.cancel();
    const cancel = clock.after(ms, () => {
      this.#timer = undefined;
      if (this.#running === undefined && !this.#stopped) this.#running = this.#run();
    });
    this.#timer = {atMs, cancel};
  }

  async #run(): Promise<void> {
    const {clock} = this.#options;
    const started = clock.monotonic();
    const retryInMs = await this.#round().catch((error: unknown) => {
      this.#options.log.error('a round failed', {error: describeError(error)});
      return failedRoundMs;
    });
    this.#lastEndMs = clock.monotonic();
    this.#lastTookMs = this.#lastEndMs - started;
    this.#running = undefined;
    if (retryInMs !== undefined) this.#notBeforeMs = this.#lastEndMs + retryInMs;
    this.#goOn();
  }

  /** What came while a round was running, or was made unknown by it, has the next one. */
  #goOn(): void {
    const {families} = this.#options;
    const unknown = families.some((family) => !family.known);
    if (unknown || this.#isBehind || this.#contextChanged) this.#queued();
    // The rest of a large change is there already: waiting for more gains nothing.
    if (this.#isPartial && this.#timer !== undefined)
      this.#runIn(Math.max(0, this.#notBeforeMs - this.#options.clock.monotonic()));
    this.#sweepLater();
  }

  async #round(): Promise<number | undefined> {
    const limit = await this.#portion();
    const isMore = () => this.#caches.isDirty && !this.#stopped;
    const decide = (some: number) => this.#decide(some);
    if (limit > portion) await this.#ahead.fill({limit, isMore, decide});
    const round = this.#ahead.take(this.#decide(Math.max(0, limit - this.#ahead.size)));
    this.#isPartial = this.#caches.isDirty;
    if (!this.#isPartial) {
      this.#options.metrics.serviceChangesPending.set(0);
      this.#options.metrics.endpointChangesPending.set(0);
    }
    const decidesAhead = this.#options.families.every((family) => family.decidesAhead);
    const committing = this.#commit(round);
    if (this.#isPartial && decidesAhead)
      await this.#ahead.fill({during: committing, limit: portion, isMore, decide});
    return committing;
  }

  /** Brings what has changed, of so many Services, to what is wanted. */
  #decide(limit: number): Taken {
    const taken = this.#caches.take(limit);
    for (const proxy of this.#options.families) {
      const context = this.#contexts.take(proxy.family, this.#node);
      proxy.decide({sources: taken.sources, node: this.#node, context});
    }
    return taken;
  }

  async #commit({sources, triggers}: Taken): Promise<number | undefined> {
    const {families, onSynced} = this.#options;
    let retryInMs: number | undefined;
    for (const proxy of families) {
      const own = triggers.filter(({family}) => family === proxy.family).map(({atMs}) => atMs);
      const retry = await proxy.commit({sources, triggers: own});
      if (retry !== undefined) retryInMs = Math.min(retry, retryInMs ?? retry);
    }
    onSynced(sources);
    return retryInMs;
  }

  /** Rules that an earlier proxy has left go on serving until all of the new ones can take their place at once. */
  async #portion(): Promise<number> {
    this.#takesOver ??= await this.#findsRules();
    return this.#takesOver && this.#lastEndMs === undefined ? Number.POSITIVE_INFINITY : portion;
  }

  async #findsRules(): Promise<boolean> {
    for (const family of this.#options.families) if (await family.startsWhole()) return true;
    return false;
  }

  #sweepLater(): void {
    const {families, clock} = this.#options;
    const waits = families.map((family) => family.sweepInMs).filter((ms) => ms !== undefined);
    this.#sweepTimer?.();
    this.#sweepTimer = undefined;
    if (waits.length === 0 || this.#stopped) return;
    this.#sweepTimer = clock.after(Math.min(...waits) + 1, () => {
      if (this.#running !== undefined || this.#stopped) return;
      this.#running = this.#sweep();
    });
  }

  async #sweep(): Promise<void> {
    for (const family of this.#options.families) await family.sweep();
    this.#running = undefined;
    this.#goOn();
  }
}

function addressText({addresses}: NodeView): string {
  return `${addresses.IPv4?.text} ${addresses.IPv6?.text}`;
}

import {Backoff, jittered} from '../../../lib/control/backoff.ts';
import {describeError} from '../../../lib/errors.ts';
import type {KubeObject} from '../../../lib/kubernetes.ts';
import type {Logger} from '../../../lib/log.ts';
import {apiVersion, type Resource} from '../../../lib/resources.ts';
import type {Clock} from '../../../lib/time.ts';
import type {KubeClient, ListQuery} from '../client.ts';
import {ApiError, isGone} from '../errors.ts';
import {listAll} from './list-all.ts';
import {ObjectStore, type StoreEvent, storeKey} from './object-store.ts';
import {type Progress, WatchRun} from './watch-run.ts';

export {storeKey} from './object-store.ts';

export type ReflectorEvent<T> = StoreEvent<T>;

export type ReflectorOptions<T extends KubeObject> = {
  readonly client: KubeClient;
  readonly resource: Resource<T>;
  readonly query?: Pick<ListQuery, 'namespace' | 'labelSelector' | 'fieldSelector'>;
  /** Drops what nobody reads before an object is stored; must keep name, namespace, uid and resourceVersion. */
  readonly trim?: (object: T) => T;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onEvent?: (event: ReflectorEvent<T>) => void;
  /** Once, when the store is complete for the first time. */
  readonly onSynced?: () => void;
  /** After every later complete list; its differences have been told as events before. */
  readonly onRelist?: () => void;
};

export type Reflector<T> = {
  /** By `namespace/name`, or `name` (see `storeKey`). */
  readonly store: ReadonlyMap<string, T>;
  hasSynced(): boolean;
  readonly synced: Promise<void>;
  stop(): Promise<void>;
  /** Why the connection is down at the moment; undefined while it is up. */
  lastError(): unknown;
  /** Since when nothing was read, and why; undefined while all is well. */
  failing(): {readonly error: unknown; readonly forMs: number} | undefined;
};

/** client-go's reflector: 800 ms doubling to 30 s, with jitter. */
const backoffOptions = {firstMs: 1_600, maxMs: 30_000, resetAfterMs: 120_000};
/** A watch that ends sooner was refused rather than served. */
const shortWatchMs = 1_000;
/** After a connection that lived so long, what went wrong before it is over. */
const longWatchMs = 30_000;
/** So many lists older than what is known are refused; then the server's past is taken for its present (a restored backup). */
const maxOlderLists = 8;

/**
 * Keeps a local copy of a resource current for as long as it runs: WatchList where the server has it, else a paged
 * list and a watch; reconnects where it left off, lists again after 410. A list that is not complete, or older than
 * what is known, changes nothing.
 */
export function startReflector<T extends KubeObject>(options: ReflectorOptions<T>): Reflector<T> {
  const loop = new ReflectorLoop(options);
  return loop.start();
}

class ReflectorLoop<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #store: ObjectStore<T>;
  readonly #backoff = new Backoff(backoffOptions);
  readonly #controller = new AbortController();
  readonly #synced = Promise.withResolvers<void>();
  #isSynced = false;
  #watchList = true;
  /** Where to go on watching; undefined when only a list can help. */
  #resourceVersion: string | undefined;
  #olderLists = 0;
  #lastError: unknown;
  #failingSinceMs: number | undefined;
  #toldRefusal: string | undefined;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#store = new ObjectStore((event) => this.#emit(event));
  }

  start(): Reflector<T> {
    const done = this.#run();
    return {
      store: this.#store.objects,
      hasSynced: () => this.#isSynced,
      synced: this.#synced.promise,
      lastError: () => this.#lastError,
      failing: () =>
        this.#failingSinceMs === undefined
          ? undefined
          : {error: this.#lastError, forMs: this.#options.clock.monotonic() - this.#failingSinceMs},
      stop: async () => {
        this.#controller.abort(new Error('the reflector was stopped'));
        await done;
      },
    };
  }

  async #run(): Promise<void> {
    const {signal} = this.#controller;
    while (!signal.aborted) {
      const startedMs = this.#options.clock.monotonic();
      let error: unknown;
      try {
        await this.#round(signal);
      } catch (cause) {
        error = cause;
      }
      if (signal.aborted) return;
      if (error !== undefined) this.#failed(error);
      const livedMs = this.#options.clock.monotonic() - startedMs;
      if (livedMs >= longWatchMs) this.#backoff.succeed('');
      if (error !== undefined || livedMs < shortWatchMs) await this.#pause(error, signal);
    }
  }

  /** One connection: what is missing is listed, then watched until the server or the network ends it. */
  async #round(signal: AbortSignal): Promise<void> {
    const missing = this.#resourceVersion === undefined;
    if (missing && !this.#watchList) await this.#list(signal);
    const run = new WatchRun({
      ...this.#options,
      initial: missing && this.#watchList,
      resourceVersion: this.#resourceVersion,
      prepare: (object) => this.#prepare(object),
      apply: (progress) => this.#apply(progress),
    });
    const outcome = await run.run(signal);
    if (outcome === 'ended') return;
    this.#watchList = false;
    await this.#round(signal);
  }

  async #list(signal: AbortSignal): Promise<void> {
    const {client, resource, query} = this.#options;
    const prepare = (object: T) => this.#prepare(object);
    const list = await listAll(client, resource, query ?? {}, {signal, prepare});
    this.#replace(list.items, list.resourceVersion);
  }

  #apply(progress: Progress<T>): void {
    switch (progress.type) {
      case 'complete':
        this.#replace(progress.objects, progress.resourceVersion);
        return;
      case 'change':
        this.#store.change(progress.event);
        this.#resourceVersion = progress.event.object.metadata.resourceVersion;
        break;
      case 'bookmark':
        this.#store.saw(progress.resourceVersion);
        this.#resourceVersion = progress.resourceVersion;
        break;
    }
    this.#works();
  }

  #works(): void {
    this.#lastError = undefined;
    this.#failingSinceMs = undefined;
    this.#toldRefusal = undefined;
  }

  #replace(objects: readonly T[], resourceVersion: string): void {
    if (this.#store.isOlder(resourceVersion) && ++this.#olderLists <= maxOlderLists)
      throw new Error(
        `the server answered with a list of resourceVersion ${resourceVersion}, older than what is known`,
      );
    this.#olderLists = 0;
    this.#store.replace(objects, resourceVersion);
    this.#resourceVersion = resourceVersion;
    this.#works();
    const first = !this.#isSynced;
    this.#isSynced = true;
    this.#synced.resolve();
    if (first) this.#options.onSynced?.();
    else this.#options.onRelist?.();
  }

  /** Items of a list carry no kind; those of a watch do. */
  #prepare(raw: T): T {
    const {resource, trim} = this.#options;
    raw.apiVersion ??= apiVersion(resource);
    raw.kind ??= resource.kind;
    if (trim === undefined) return raw;
    try {
      return trim(raw);
    } catch (error) {
      // One object that nobody thought of must not keep every other one from being followed.
      this.#options.log.error('an object could not be trimmed', {
        resource: resource.plural,
        object: storeKey(raw),
        error: describeError(error),
      });
      return raw;
    }
  }

  #failed(error: unknown): void {
    this.#lastError = error;
    this.#failingSinceMs ??= this.#options.clock.monotonic();
    if (isGone(error)) this.#resourceVersion = undefined;
    const {log, resource, query} = this.#options;
    const fields = {resource: resource.plural, ...query, error: describeError(error)};
    if (isForGood(error) && fields.error !== this.#toldRefusal) {
      this.#toldRefusal = fields.error;
      log.warn('the API server does not let this be followed', fields);
    } else log.debug('watch ended', fields);
  }

  async #pause(error: unknown, signal: AbortSignal): Promise<void> {
    const {clock} = this.#options;
    const backoffMs = jittered(this.#backoff.fail('', clock.monotonic()), Math.random());
    const askedMs = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
    await new Promise<void>((resolve) => {
      const end = () => {
        cancel();
        signal.removeEventListener('abort', end);
        resolve();
      };
      const cancel = clock.after(Math.max(backoffMs, askedMs), end);
      signal.addEventListener('abort', end);
    });
  }

  /** A consumer's mistake must not end the watch for everybody else. */
  #emit(event: StoreEvent<T>): void {
    try {
      this.#options.onEvent?.(event);
    } catch (error) {
      this.#options.log.error('an event handler failed', {
        resource: this.#options.resource.plural,
        error: describeError(error),
      });
    }
  }
}

/** An answer that the same request gets again: no right, no such resource; not an outage, not an old version. */
function isForGood(error: unknown): boolean {
  return error instanceof ApiError && [400, 401, 403, 404, 405, 422].includes(error.httpCode);
}

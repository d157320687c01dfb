import type {KubeClient, ListQuery} from '../../edges/kube/client.ts';
import {isOlderVersion} from '../../edges/kube/watch/object-store.ts';
import {type Reflector, startReflector} from '../../edges/kube/watch/reflector.ts';
import {NodectlError} from '../../lib/errors.ts';
import type {KubeObject} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import type {Resource} from '../../lib/resources.ts';
import type {Clock} from '../../lib/time.ts';

export type CacheOptions<T extends KubeObject> = {
  readonly client: KubeClient;
  readonly resource: Resource<T>;
  readonly clock: Clock;
  readonly log: Logger;
  readonly query?: Pick<ListQuery, 'namespace' | 'labelSelector' | 'fieldSelector'>;
  readonly trim?: (object: T) => T;
};

/** What became of an object: `now` is absent when it was deleted, `before` when it is new. */
export type Listener<T> = (now: T | undefined, before: T | undefined) => void;

const seenWithinMs = 10_000;

/**
 * One resource as all controllers see it. A controller that has written waits until the cache shows it, so its next
 * round never decides on what was before its own write; nobody needs to count expectations.
 */
export class Cache<T extends KubeObject> {
  readonly #options: CacheOptions<T>;
  readonly #listeners: Listener<T>[] = [];
  readonly #waiting = new Set<() => void>();
  #reflector: Reflector<T> | undefined;
  #newest: string | undefined;

  constructor(options: CacheOptions<T>) {
    this.#options = options;
  }

  /** All listeners and indexes must be there before. Resolves when the cache is complete. */
  start(): Promise<void> {
    const {client, resource, clock, log, query, trim} = this.#options;
    this.#reflector = startReflector({
      client,
      resource,
      clock,
      log,
      query,
      trim,
      onEvent: (event) => {
        const {object} = event;
        const version = object.metadata.resourceVersion;
        if (!isOlderVersion(version, this.#newest)) this.#newest = version;
        const [now, before] = event.type === 'deleted' ? [undefined, object] : [object, event.old];
        for (const listener of this.#listeners) listener(now, before);
        for (const check of [...this.#waiting]) check();
      },
    });
    return this.#reflector.synced;
  }

  async stop(): Promise<void> {
    await this.#reflector?.stop();
  }

  listen(listener: Listener<T>): void {
    this.#listeners.push(listener);
  }

  /** By `namespace/name`, or `name`. */
  get(key: string): T | undefined {
    return this.#reflector?.store.get(key);
  }

  *values(): Iterable<T> {
    yield* this.#reflector?.store.values() ?? [];
  }

  /** Objects by something that they say: their namespace, their node, their owner. */
  index(keysOf: (object: T) => readonly string[]): Index<T> {
    const index = new Index(keysOf);
    this.listen((now, before) => index.change(now, before));
    return index;
  }

  /** Resolves when the cache is at least as new as what a write returned. */
  async shows(written: KubeObject): Promise<void> {
    await this.#until(() => !isOlderVersion(this.#newest ?? '0', written.metadata.resourceVersion));
  }

  /** Resolves when an object is gone, replaced or on its way out. */
  async showsDeletion(key: string, uid: string): Promise<void> {
    await this.#until(() => {
      const object = this.get(key);
      return object?.metadata.uid !== uid || object.metadata.deletionTimestamp !== undefined;
    });
  }

  /** Resolves when the cache is such that `holds`. @throws NodectlError ND802 after ten seconds */
  until(holds: (get: (key: string) => T | undefined) => boolean): Promise<void> {
    return this.#until(() => holds((key) => this.get(key)));
  }

  #until(holds: () => boolean): Promise<void> {
    if (holds()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        cancel();
        this.#waiting.delete(check);
        settle();
      };
      const check = () => {
        if (holds()) end(resolve);
      };
      const {plural} = this.#options.resource;
      const late = () =>
        end(() => reject(new NodectlError('ND802', `the cache of ${plural} is behind its server`)));
      const cancel = this.#options.clock.after(seenWithinMs, late);
      this.#waiting.add(check);
    });
  }
}

/** A secondary index over a cache; the newest version of each object under each of its keys. */
export class Index<T extends KubeObject> {
  readonly #keysOf: (object: T) => readonly string[];
  readonly #objects = new Map<string, Map<string, T>>();

  constructor(keysOf: (object: T) => readonly string[]) {
    this.#keysOf = keysOf;
  }

  get(key: string): T[] {
    return [...(this.#objects.get(key)?.values() ?? [])];
  }

  change(now: T | undefined, before: T | undefined): void {
    if (before !== undefined) for (const key of this.#keysOf(before)) this.#drop(key, before.metadata.uid);
    if (now === undefined) return;
    for (const key of this.#keysOf(now)) {
      const known = this.#objects.get(key) ?? new Map<string, T>();
      known.set(now.metadata.uid, now);
      this.#objects.set(key, known);
    }
  }

  #drop(key: string, uid: string): void {
    const known = this.#objects.get(key);
    if (known?.delete(uid) && known.size === 0) this.#objects.delete(key);
  }
}

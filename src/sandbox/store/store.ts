import type {Obj} from '../contract.ts';
import {Database, decode} from './database.ts';
import {type Change, type Entry, EventWindow} from './event-window.ts';

type Listener = (change: Change) => void;

type Collection = {
  readonly entries: Map<string, Entry>;
  readonly window: EventWindow;
  readonly listeners: Set<Listener>;
  /** Keys in list order, forgotten on every create and delete. */
  sorted: string[] | undefined;
};

/** `namespace/name`, or `/name` for what has no namespace. Sorts as etcd lists. */
export function keyOf(namespace: string | undefined, name: string): string {
  return `${namespace ?? ''}/${name}`;
}

const windowSize = 4096;

/**
 * All objects, parsed in memory and durable in SQLite. Writes are synchronous and totally ordered by one growing
 * revision. Stored objects are never changed in place: whoever writes brings a new one.
 */
export class Store {
  readonly #database: Database;
  readonly #collections = new Map<string, Collection>();
  /** The revision at which this process opened the store: nothing before it is in a window. */
  readonly #opened: number;
  #revision: number;
  readonly #everywhere = new Set<(collection: string, change: Change) => void>();

  constructor(path: string) {
    this.#database = new Database(path);
    this.#opened = this.#database.revision();
    this.#revision = this.#opened;
    for (const row of this.#database.rows()) {
      const object = decode(row.json);
      const revision = Number(object.metadata.resourceVersion);
      this.#collection(row.collection).entries.set(row.key, {object, json: row.json, revision});
    }
  }

  get revision(): number {
    return this.#revision;
  }

  get(collection: string, key: string): Entry | undefined {
    return this.#collections.get(collection)?.entries.get(key);
  }

  /** Every entry of a collection, unordered. */
  values(collection: string): Iterable<Entry> {
    return this.#collection(collection).entries.values();
  }

  size(collection: string): number {
    return this.#collections.get(collection)?.entries.size ?? 0;
  }

  /** Keys in order, those of one namespace when given, those after a key when given. */
  keys(collection: string, namespace?: string, after?: string): readonly string[] {
    const from = this.#collection(collection);
    from.sorted ??= [...from.entries.keys()].sort();
    const {sorted} = from;
    const prefix = namespace === undefined ? '' : `${namespace}/`;
    const start =
      after === undefined || after < prefix ? firstAtLeast(sorted, prefix) : firstAfter(sorted, after);
    const end = namespace === undefined ? sorted.length : firstAtLeast(sorted, `${namespace}0`);
    return start === 0 && end === sorted.length ? sorted : sorted.slice(start, end);
  }

  /** Stores an object under a new revision, which is written into it. */
  put(collection: string, key: string, object: Obj): Entry {
    const into = this.#collection(collection);
    const revision = this.#revision + 1;
    object.metadata.resourceVersion = String(revision);
    const json = JSON.stringify(object);
    this.#database.write(collection, key, json, revision);
    this.#revision = revision;
    const before = into.entries.get(key);
    const now = {object, json, revision};
    into.entries.set(key, now);
    if (before === undefined) into.sorted = undefined;
    this.#publish(collection, into, {revision, before, now, last: undefined, encoded: new Map()});
    return now;
  }

  /** Removes an object; its last state carries the revision of the removal, as in Kubernetes. */
  remove(collection: string, key: string, final?: Obj): Entry | undefined {
    const from = this.#collection(collection);
    const before = from.entries.get(key);
    if (before === undefined) return undefined;
    const revision = this.#revision + 1;
    this.#database.write(collection, key, undefined, revision);
    this.#revision = revision;
    from.entries.delete(key);
    from.sorted = undefined;
    const state = final ?? before.object;
    const object: Obj = {...state, metadata: {...state.metadata, resourceVersion: String(revision)}};
    const last = {object, json: JSON.stringify(object), revision};
    this.#publish(collection, from, {revision, before, now: undefined, last, encoded: new Map()});
    return last;
  }

  /** Changes after a revision; undefined when they are no longer all known (410). */
  changesAfter(collection: string, revision: number): readonly Change[] | undefined {
    return this.#collection(collection).window.after(revision);
  }

  subscribe(collection: string, listener: Listener): () => void {
    const {listeners} = this.#collection(collection);
    listeners.add(listener);
    return () => listeners.delete(listener);
  }

  subscribeAll(listener: (collection: string, change: Change) => void): () => void {
    this.#everywhere.add(listener);
    return () => this.#everywhere.delete(listener);
  }

  collections(): readonly string[] {
    return [...this.#collections.keys()];
  }

  close(): void {
    this.#database.close();
  }

  #publish(name: string, collection: Collection, change: Change): void {
    collection.window.add(change);
    for (const listener of collection.listeners) listener(change);
    for (const listener of this.#everywhere) listener(name, change);
  }

  #collection(name: string): Collection {
    const known = this.#collections.get(name);
    if (known !== undefined) return known;
    const made: Collection = {
      entries: new Map(),
      window: new EventWindow(this.#opened, windowSize),
      listeners: new Set(),
      sorted: undefined,
    };
    this.#collections.set(name, made);
    return made;
  }
}

function firstAtLeast(sorted: readonly string[], key: string): number {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? '') < key) low = middle + 1;
    else high = middle;
  }
  return low;
}

function firstAfter(sorted: readonly string[], key: string): number {
  const index = firstAtLeast(sorted, key);
  return sorted[index] === key ? index + 1 : index;
}

import type {KubeObject} from '../../../lib/kubernetes.ts';

export type StoreEvent<T> =
  | {readonly type: 'added'; readonly object: T; readonly old?: undefined}
  | {readonly type: 'modified'; readonly object: T; readonly old: T}
  | {readonly type: 'deleted'; readonly object: T; readonly old?: undefined};

export type Change<T> = {readonly type: 'ADDED' | 'MODIFIED' | 'DELETED'; readonly object: T};

/** The key of an object in a store: `namespace/name`, or `name` without a namespace. */
export function storeKey(object: {
  readonly metadata: {readonly name?: string; readonly namespace?: string};
}): string {
  const {name = '', namespace} = object.metadata;
  // Joined: of a template V8 would keep a pair beside the text, for every object that is followed.
  return namespace === undefined || namespace === '' ? name : [namespace, name].join('/');
}

/**
 * Whether one resourceVersion is before another. They are comparable as decimal numbers (KEP-5504, GA in 1.35);
 * what is no number is never older.
 */
export function isOlderVersion(version: string | undefined, than: string | undefined): boolean {
  if (version === undefined || than === undefined) return false;
  if (!/^\d+$/.test(version) || !/^\d+$/.test(than)) return false;
  return version.length === than.length ? version < than : version.length < than.length;
}

/** The objects of one resource, and the events that its changes are. Never goes back in time. */
export class ObjectStore<T extends KubeObject> {
  readonly objects = new Map<string, T>();
  readonly #emit: (event: StoreEvent<T>) => void;
  #newest: string | undefined;

  constructor(emit: (event: StoreEvent<T>) => void) {
    this.#emit = emit;
  }

  isOlder(resourceVersion: string): boolean {
    return isOlderVersion(resourceVersion, this.#newest);
  }

  change({type, object}: Change<T>): void {
    const key = storeKey(object);
    const old = this.objects.get(key);
    const version = object.metadata.resourceVersion;
    if (isOlderVersion(version, old?.metadata.resourceVersion)) return;
    this.saw(version);
    if (type === 'DELETED') this.#remove(key, object);
    else if (!isSame(old, object)) this.#put(key, object, old);
  }

  saw(resourceVersion: string): void {
    if (!this.isOlder(resourceVersion)) this.#newest = resourceVersion;
  }

  /** Makes a complete list the content; what it lacks was deleted. */
  replace(objects: readonly T[], resourceVersion: string): void {
    this.#newest = resourceVersion;
    const listed = new Map(objects.map((object) => [storeKey(object), object]));
    for (const [key, old] of this.objects) if (!listed.has(key)) this.#remove(key, old);
    for (const [key, object] of listed) {
      const old = this.objects.get(key);
      if (!isSame(old, object)) this.#put(key, object, old);
    }
  }

  #put(key: string, object: T, old: T | undefined): void {
    // A name that was deleted and made again in between is another object.
    const replaced = old !== undefined && old.metadata.uid !== object.metadata.uid;
    if (replaced) this.#remove(key, old);
    this.objects.set(key, object);
    if (old === undefined || replaced) this.#emit({type: 'added', object});
    else this.#emit({type: 'modified', object, old});
  }

  #remove(key: string, object: T): void {
    if (this.objects.delete(key)) this.#emit({type: 'deleted', object});
  }
}

function isSame<T extends KubeObject>(a: T | undefined, b: T): boolean {
  return (
    a !== undefined &&
    a.metadata.uid === b.metadata.uid &&
    a.metadata.resourceVersion === b.metadata.resourceVersion
  );
}

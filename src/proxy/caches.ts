import type {Family} from '../lib/addresses.ts';
import type {EndpointSlice, Service} from '../lib/kubernetes.ts';
import {serviceOfSlice, triggerTimeAnnotation} from './model/endpoints.ts';
import {flat} from './model/shared.ts';
import type {ServiceSource} from './table/family-table.ts';

export type Change<T> = {
  readonly type: 'added' | 'modified' | 'deleted';
  readonly object: T;
  readonly old?: T | undefined;
};

/** Stores that a reflector keeps: objects by `namespace/name`. */
export type Stores = {
  readonly services: () => ReadonlyMap<string, Service>;
  readonly slices: () => ReadonlyMap<string, EndpointSlice>;
};

/** What everything else on a node waits for: they are looked at before all others. */
const first = ['default/kubernetes', 'kube-system/kube-dns'];

/** What made a slice change, and when; it concerns one family. */
export type Trigger = {readonly family: Family; readonly atMs: number};

export type Taken = {
  readonly sources: ReadonlyMap<string, ServiceSource>;
  readonly triggers: readonly Trigger[];
};

/** Which Services are to be looked at again, and what is known of each. The objects stay in the reflectors' stores. */
export class Caches {
  readonly #stores: Stores;
  /** Keys of slices by the Service that they name; nearly always there is one, and a set of one takes 200 bytes. */
  readonly #slices = new Map<string, string | Set<string>>();
  readonly #dirty = new Set<string>();
  /** By Service. */
  readonly #triggers = new Map<string, Trigger[]>();
  readonly #startMs: number;

  /** What was triggered before `startMs`, in milliseconds of the wall clock, says nothing of this proxy's speed. */
  constructor(stores: Stores, startMs: number) {
    this.#stores = stores;
    this.#startMs = startMs;
  }

  get isDirty(): boolean {
    return this.#dirty.size > 0;
  }

  serviceChanged({object}: Change<Service>): void {
    this.#dirty.add(keyOf(object));
  }

  sliceChanged({type, object, old}: Change<EndpointSlice>): void {
    if (old !== undefined) this.#forget(old);
    if (type === 'deleted') {
      this.#forget(object);
      // Its annotation is of the change before.
      this.#triggers.delete(serviceOfSlice(object) ?? '');
    } else this.#remember(object);
  }

  #remember(object: EndpointSlice): void {
    const service = serviceOfSlice(object);
    if (service === undefined) return;
    const [known, key] = [this.#slices.get(service), keyOf(object)];
    if (known === undefined) this.#slices.set(service, key);
    else if (typeof known === 'object') known.add(key);
    else if (known !== key) this.#slices.set(service, new Set([known, key]));
    this.#dirty.add(service);
    this.#noteTrigger(service, object);
  }

  #noteTrigger(service: string, {addressType, metadata}: EndpointSlice): void {
    const family = addressType;
    const atMs = Date.parse(metadata.annotations?.[triggerTimeAnnotation] ?? '');
    if (!(atMs > this.#startMs) || (family !== 'IPv4' && family !== 'IPv6')) return;
    const trigger: Trigger = {family, atMs};
    this.#triggers.set(service, [...(this.#triggers.get(service) ?? []), trigger]);
  }

  /** Everything is to be looked at again. */
  all(): void {
    for (const key of this.#stores.services().keys()) this.#dirty.add(key);
  }

  /**
   * What has changed since the last call, as it is now, of at most so many Services. Triggers are told with the last of
   * them: a change has not reached the kernel before all that came with it have.
   */
  take(limit: number): Taken {
    const keys = this.#portion(limit);
    for (const key of keys) this.#dirty.delete(key);
    const triggers = this.isDirty ? [] : [...this.#triggers.values()].flat();
    if (!this.isDirty) this.#triggers.clear();
    return {sources: new Map(keys.map((key) => [key, this.#source(key)])), triggers};
  }

  #portion(limit: number): string[] {
    if (this.#dirty.size <= limit) return [...this.#dirty];
    const portion = new Set(first.filter((key) => this.#dirty.has(key)));
    for (const key of this.#dirty) {
      if (portion.size >= limit) break;
      portion.add(key);
    }
    return [...portion];
  }

  #source(key: string): ServiceSource {
    const slices = this.#stores.slices();
    const known = this.#slices.get(key) ?? [];
    const keys = typeof known === 'string' ? [known] : [...known];
    return {
      service: this.#stores.services().get(key),
      slices: keys.map((slice) => slices.get(slice)).filter((slice) => slice !== undefined),
    };
  }

  #forget(slice: EndpointSlice): void {
    const service = serviceOfSlice(slice);
    if (service === undefined) return;
    const known = this.#slices.get(service);
    if (typeof known === 'object') known.delete(keyOf(slice));
    if (known === keyOf(slice) || (typeof known === 'object' && known.size === 0))
      this.#slices.delete(service);
    this.#dirty.add(service);
  }
}

function keyOf({metadata}: Service | EndpointSlice): string {
  return flat(metadata.namespace, '/', metadata.name);
}

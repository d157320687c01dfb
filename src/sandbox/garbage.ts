import type {Logger} from '../lib/log.ts';
import type {Clock} from '../lib/time.ts';
import {deleteObject} from './api/operations/deletion.ts';
import type {Registry} from './api/registry.ts';
import type {Obj} from './contract.ts';
import {collectionOf, type Definition} from './resources/definition.ts';
import {definitions} from './resources/table.ts';
import type {Change} from './store/event-window.ts';
import {keyOf} from './store/store.ts';

type Node = {
  readonly definition: Definition;
  readonly key: string;
  readonly uid: string;
  readonly owners: readonly string[];
};

const byCollection = new Map(definitions.map((d) => [collectionOf(d.resource), d]));

/**
 * Collects dependents by owner references: background, foreground and orphan. The graph follows the store, so a
 * restart begins with what is there; work is done between requests.
 */
export class GarbageCollector {
  readonly #registry: Registry;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #nodes = new Map<string, Node>();
  readonly #dependents = new Map<string, Set<string>>();
  readonly #queue = new Set<string>();
  readonly #unsubscribe: () => void;
  #scheduled = false;
  #closed = false;

  constructor(registry: Registry, clock: Clock, log: Logger) {
    this.#registry = registry;
    this.#clock = clock;
    this.#log = log;
    for (const [collection, definition] of byCollection)
      for (const {object} of registry.store.values(collection)) this.#learn(definition, object);
    for (const {uid} of this.#nodes.values()) this.#enqueue(uid);
    this.#unsubscribe = registry.store.subscribeAll((collection, change) =>
      this.#onChange(collection, change),
    );
  }

  close(): void {
    this.#closed = true;
    this.#unsubscribe();
  }

  #onChange(collection: string, {before, now}: Change): void {
    const definition = byCollection.get(collection);
    if (definition === undefined) return;
    if (now === undefined) {
      if (before !== undefined) this.#forget(before.object);
      return;
    }
    if (
      before !== undefined &&
      before.object.metadata.ownerReferences === undefined &&
      now.object.metadata.ownerReferences === undefined &&
      now.object.metadata.deletionTimestamp === undefined
    )
      return;
    this.#learn(definition, now.object);
    const {ownerReferences, deletionTimestamp, uid} = now.object.metadata;
    if (ownerReferences !== undefined || deletionTimestamp !== undefined) this.#enqueue(uid);
  }

  #learn(definition: Definition, object: Obj): void {
    const {uid, namespace, name, ownerReferences = []} = object.metadata;
    const owners = ownerReferences.map((owner) => owner.uid);
    const known = this.#nodes.get(uid);
    for (const owner of known?.owners ?? [])
      if (!owners.includes(owner)) this.#dependents.get(owner)?.delete(uid);
    for (const owner of owners) {
      const set = this.#dependents.get(owner) ?? new Set();
      this.#dependents.set(owner, set.add(uid));
    }
    this.#nodes.set(uid, {definition, key: keyOf(namespace, name), uid, owners});
  }

  #forget({metadata}: Obj): void {
    const node = this.#nodes.get(metadata.uid);
    this.#nodes.delete(metadata.uid);
    for (const owner of node?.owners ?? []) {
      this.#dependents.get(owner)?.delete(metadata.uid);
      this.#enqueue(owner);
    }
    for (const dependent of this.#dependents.get(metadata.uid) ?? []) this.#enqueue(dependent);
    this.#dependents.delete(metadata.uid);
  }

  #enqueue(uid: string): void {
    this.#queue.add(uid);
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#work());
  }

  #work(): void {
    this.#scheduled = false;
    for (const uid of [...this.#queue].slice(0, 100)) {
      this.#queue.delete(uid);
      if (this.#closed) return;
      try {
        this.#visit(uid);
      } catch (error) {
        this.#log.warn('garbage collection failed', {uid, error: String(error)});
      }
    }
    const [rest] = this.#queue;
    if (rest !== undefined) this.#enqueue(rest);
  }

  #visit(uid: string): void {
    const node = this.#nodes.get(uid);
    const object = node === undefined ? undefined : this.#read(node);
    if (node === undefined || object === undefined) return;
    const {finalizers = [], deletionTimestamp} = object.metadata;
    if (deletionTimestamp !== undefined && finalizers.includes('orphan')) this.#orphan(node, object);
    else if (deletionTimestamp !== undefined && finalizers.includes('foregroundDeletion'))
      this.#foreground(node, object);
    else if (deletionTimestamp === undefined && node.owners.length > 0) this.#judge(node, object);
  }

  /** A dependent none of whose owners is left goes; dead owners beside living ones are struck off. */
  #judge(node: Node, object: Obj): void {
    const alive = node.owners.filter((owner) => this.#nodes.has(owner));
    const waiting = alive.filter((owner) => this.#isForeground(owner));
    if (alive.length > waiting.length) {
      if (alive.length < node.owners.length || waiting.length > 0)
        this.#strike(node, object, (owner) => !alive.includes(owner) || waiting.includes(owner));
      return;
    }
    const policy =
      waiting.length > 0 && (this.#dependents.get(node.uid)?.size ?? 0) > 0 ? 'Foreground' : 'Background';
    this.#delete(node, object, policy);
  }

  #isForeground(uid: string): boolean {
    const node = this.#nodes.get(uid);
    const {deletionTimestamp, finalizers} =
      (node === undefined ? undefined : this.#read(node))?.metadata ?? {};
    return deletionTimestamp !== undefined && (finalizers ?? []).includes('foregroundDeletion');
  }

  #delete(node: Node, object: Obj, propagationPolicy: string): void {
    const {namespace, name, uid} = object.metadata;
    const options = {propagationPolicy, preconditions: {uid}};
    deleteObject(this.#registry, this.#clock, node.definition, {namespace, name}, options, false);
  }

  #orphan(node: Node, object: Obj): void {
    for (const uid of [...(this.#dependents.get(node.uid) ?? [])]) {
      const dependent = this.#nodes.get(uid);
      const found = dependent === undefined ? undefined : this.#read(dependent);
      if (dependent !== undefined && found !== undefined)
        this.#strike(dependent, found, (owner) => owner === node.uid);
    }
    this.#release(node, object, 'orphan');
  }

  /** The owner waits for the dependents that block it; all of them are asked to go. */
  #foreground(node: Node, object: Obj): void {
    const dependents = [...(this.#dependents.get(node.uid) ?? [])];
    for (const uid of dependents) this.#enqueue(uid);
    const blocking = dependents.some((uid) => {
      const dependent = this.#nodes.get(uid);
      const found = dependent === undefined ? undefined : this.#read(dependent);
      return (found?.metadata.ownerReferences ?? []).some((o) => o.uid === node.uid && o.blockOwnerDeletion);
    });
    if (!blocking) this.#release(node, object, 'foregroundDeletion');
  }

  #strike(node: Node, object: Obj, gone: (owner: string) => boolean): void {
    const ownerReferences = (object.metadata.ownerReferences ?? []).filter((owner) => !gone(owner.uid));
    this.#registry.commit(node.definition, withMetadata(object, {ownerReferences}), object);
  }

  #release(node: Node, object: Obj, finalizer: string): void {
    const finalizers = (object.metadata.finalizers ?? []).filter((f) => f !== finalizer);
    this.#registry.commit(node.definition, withMetadata(object, {finalizers}), object);
  }

  #read(node: Node): Obj | undefined {
    return this.#registry.store.get(collectionOf(node.definition.resource), node.key)?.object;
  }
}

/** An empty list in metadata is no list. */
function withMetadata(object: Obj, change: {ownerReferences?: unknown[]; finalizers?: unknown[]}): Obj {
  const cleared = Object.fromEntries(
    Object.entries(change).map(([key, list]) => [key, list.length === 0 ? undefined : list]),
  );
  return {...object, metadata: {...object.metadata, ...cleared}};
}

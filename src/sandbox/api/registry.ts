import {randomUUID} from 'node:crypto';
import {type Conformed, conform, Mismatch} from '../../config/schema/conform.ts';
import type {ObjectMeta} from '../../lib/kubernetes.ts';
import {apiVersion, type Resource} from '../../lib/resources.ts';
import {type Clock, timestamp} from '../../lib/time.ts';
import {randomSuffix} from '../admission/random-suffix.ts';
import type {Admit, Lookup} from '../admission/types.ts';
import type {Obj} from '../contract.ts';
import {copy, equal, isObject, type JsonObject, listAt} from '../json.ts';
import {collectionOf, type Definition, hasSubresource} from '../resources/definition.ts';
import {sameSpec} from '../resources/strategies.ts';
import {alreadyExists, badRequest, conflict, invalid, notFound, staleVersion} from '../status.ts';
import {keyOf, type Store} from '../store/store.ts';
import type {WriteContext} from './http/request.ts';
import {lookupOf} from './operations/lookup.ts';
import {keepServerFields} from './operations/server-fields.ts';

export type UpdateOptions = {
  readonly namespace: string | undefined;
  readonly name: string;
  readonly subresource?: string;
};

/**
 * Creates and updates objects: what apimachinery's generic registry does around a kind's strategy. Everything is
 * synchronous, so a read-modify-write is never interleaved with another.
 */
export class Registry {
  readonly store: Store;
  readonly #clock: Clock;
  readonly #admit: Admit;
  readonly lookup: Lookup;

  constructor(store: Store, clock: Clock, admit: Admit | undefined) {
    this.store = store;
    this.#clock = clock;
    this.#admit = admit ?? ((request) => request.object);
    this.lookup = lookupOf(store);
  }

  find(definition: Definition, namespace: string | undefined, name: string): Obj | undefined {
    return this.store.get(collectionOf(definition.resource), keyOf(namespace, name))?.object;
  }

  get(definition: Definition, namespace: string | undefined, name: string): Obj {
    const object = this.find(definition, namespace, name);
    if (object === undefined) throw notFound(definition.resource, name);
    return object;
  }

  create(definition: Definition, namespace: string | undefined, given: unknown, context: WriteContext): Obj {
    const {resource, strategy} = definition;
    const object = this.#fresh(definition, namespace, given, context);
    if (strategy.generation) object.metadata.generation = 1;
    if (hasSubresource(definition, 'status')) delete object.status;
    strategy.prepareForCreate?.(object, this.#clock.now());
    const admitted = this.#admitted('CREATE', definition, object, undefined, undefined, context);
    const causes = strategy.validate?.(admitted, undefined, undefined) ?? [];
    if (causes.length > 0) throw invalid(resource, object.metadata.name, causes);
    const {name} = admitted.metadata;
    const key = keyOf(namespace, name);
    if (this.store.get(collectionOf(resource), key) !== undefined) throw alreadyExists(resource, name);
    if (context.dryRun) return admitted;
    return this.store.put(collectionOf(resource), key, admitted).object;
  }

  /**
   * Replaces an object by what `change` makes of the stored one. `change` gets the stored object itself and must
   * not touch it.
   */
  update(
    definition: Definition,
    options: UpdateOptions,
    change: (old: Obj) => unknown,
    context: WriteContext,
  ): Obj {
    const {resource, strategy} = definition;
    const {namespace, name, subresource} = options;
    const old = this.get(definition, namespace, name);
    const wanted = shaped(resource, change(old), context);
    checkIdentity(resource, wanted, old, namespace);
    const object = copy(keepServerFields(definition, wanted, old, subresource));
    strategy.prepareForUpdate?.(object, old, subresource);
    if (strategy.generation && !sameSpec(object, old))
      object.metadata.generation = (old.metadata.generation ?? 0) + 1;
    const admitted = this.#admitted('UPDATE', definition, object, old, subresource, context);
    const causes = strategy.validate?.(admitted, old, subresource) ?? [];
    if (causes.length > 0) throw invalid(resource, name, causes);
    if (context.dryRun) return admitted;
    return this.commit(definition, admitted, old);
  }

  /** Stores the next state of an object, or lets it go when nothing holds it any more. */
  commit(definition: Definition, object: Obj, old: Obj): Obj {
    const collection = collectionOf(definition.resource);
    const key = keyOf(object.metadata.namespace, object.metadata.name);
    if (releasable(definition, object)) {
      this.store.remove(collection, key, object);
      return object;
    }
    object.metadata.resourceVersion = old.metadata.resourceVersion;
    if (equal(object, old)) return old;
    return this.store.put(collection, key, object).object;
  }

  /** Asks admission about a subresource that is created on an object and stores nothing itself. */
  admitPart(
    definition: Definition,
    subresource: string,
    key: {namespace: string | undefined; name: string},
    context: WriteContext,
  ): void {
    const object = copy(this.get(definition, key.namespace, key.name));
    this.#admitted('CREATE', definition, object, undefined, subresource, context);
  }

  #fresh(definition: Definition, namespace: string | undefined, given: unknown, context: WriteContext): Obj {
    const {resource} = definition;
    const object = shaped(resource, given, context);
    const {metadata} = object;
    if (metadata.namespace && namespace !== undefined && metadata.namespace !== namespace)
      throw badRequest(
        'the namespace of the provided object does not match the namespace sent on the request',
      );
    if (metadata.resourceVersion)
      throw badRequest('resourceVersion should not be set on objects to be created');
    const name = metadata.name || this.#generatedName(definition, namespace, metadata.generateName);
    const kept = {...metadata, name};
    delete kept.deletionTimestamp;
    delete kept.deletionGracePeriodSeconds;
    delete kept.selfLink;
    delete kept.generation;
    if (namespace === undefined) delete kept.namespace;
    else kept.namespace = namespace;
    return {
      ...object,
      metadata: {...kept, uid: randomUUID(), creationTimestamp: timestamp(this.#clock.now())},
    };
  }

  #generatedName(definition: Definition, namespace: string | undefined, prefix: string | undefined): string {
    const {resource} = definition;
    if (!prefix)
      throw invalid(resource, '', [
        {
          field: 'metadata.name',
          message: 'Required value: name or generateName is required',
          reason: 'FieldValueRequired',
        },
      ]);
    for (let tries = 0; tries < 8; tries++) {
      const name = `${prefix.slice(0, 58)}${randomSuffix(Math.random)}`;
      if (this.store.get(collectionOf(resource), keyOf(namespace, name)) === undefined) return name;
    }
    throw alreadyExists(resource, prefix);
  }

  #admitted(
    operation: 'CREATE' | 'UPDATE',
    definition: Definition,
    object: Obj,
    old: Obj | undefined,
    subresource: string | undefined,
    context: WriteContext,
  ): Obj {
    const {resource} = definition;
    const {namespace} = object.metadata;
    const {user} = context;
    return this.#admit({operation, resource, subresource, object, old, user, namespace}, this.lookup);
  }
}

/** Whether a deleting object has nothing left that keeps it. */
export function releasable(definition: Definition, object: Obj): boolean {
  const {metadata} = object;
  if (metadata.deletionTimestamp === undefined || (metadata.finalizers ?? []).length > 0) return false;
  if (definition.strategy.specFinalizers && listAt(object, 'spec', 'finalizers').length > 0) return false;
  return (metadata.deletionGracePeriodSeconds ?? 0) === 0;
}

/** A body as an object of this kind, sharing nothing with it. @throws StatusError 400 for another kind */
function shaped(resource: Resource, given: unknown, context: WriteContext): Obj {
  if (!isObject(given)) throw badRequest(`the object provided is not a ${resource.kind}`);
  const version = apiVersion(resource);
  const wrong = (given.kind ?? resource.kind) !== resource.kind || (given.apiVersion ?? version) !== version;
  if (wrong)
    throw badRequest(
      `the API version in the data (${given.apiVersion}, Kind=${given.kind}) does not match the expected API version (${version}, Kind=${resource.kind})`,
    );
  const {object: body, unknown} = conformed(resource, given);
  reportUnknown(unknown, context);
  const metadata: ObjectMeta = isObject(body.metadata) ? body.metadata : {};
  return {
    ...body,
    apiVersion: version,
    kind: resource.kind,
    metadata: {
      ...metadata,
      name: metadata.name ?? '',
      uid: metadata.uid ?? '',
      resourceVersion: metadata.resourceVersion ?? '',
    },
  };
}

/** @throws StatusError 400 */
function conformed({group, version, kind}: Resource, given: JsonObject): Conformed {
  try {
    return conform(group, kind, given);
  } catch (error) {
    if (!(error instanceof Mismatch)) throw error;
    throw badRequest(`${kind} in version "${version}" cannot be handled as a ${kind}: ${error.message}`);
  }
}

/** fieldValidation: fields that no kind has are dropped, and told as the writer asked. */
function reportUnknown(unknown: readonly string[], context: WriteContext): void {
  if (unknown.length === 0 || context.fieldValidation === 'Ignore') return;
  const messages = unknown.map((field) => `unknown field "${field}"`);
  if (context.fieldValidation === 'Strict') throw badRequest(`strict decoding error: ${messages.join(', ')}`);
  context.warnings.push(...messages);
}

function checkIdentity(resource: Resource, object: Obj, old: Obj, namespace: string | undefined): void {
  const {metadata} = object;
  const {name} = old.metadata;
  if (metadata.name !== name && metadata.name !== '')
    throw badRequest(
      `the name of the object (${metadata.name}) does not match the name on the URL (${name})`,
    );
  if (metadata.namespace && metadata.namespace !== namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  if (metadata.uid !== '' && metadata.uid !== old.metadata.uid)
    throw conflict(
      resource,
      name,
      `Precondition failed: UID in precondition: ${metadata.uid}, UID in object meta: ${old.metadata.uid}`,
    );
  if (metadata.resourceVersion !== '' && metadata.resourceVersion !== old.metadata.resourceVersion)
    throw staleVersion(resource, name);
}

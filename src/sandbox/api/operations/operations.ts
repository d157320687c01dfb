import type {Clock} from '../../../lib/time.ts';
import type {Obj} from '../../contract.ts';
import {isObject} from '../../json.ts';
import {collectionOf, type Definition} from '../../resources/definition.ts';
import {badRequest, notFound, StatusError} from '../../status.ts';
import {keyOf} from '../../store/store.ts';
import {encodingFor} from '../http/encoding.ts';
import type {Operate} from '../http/handler.ts';
import {
  type Answer,
  type AnyAnswer,
  type ApiRequest,
  type FieldValidation,
  json,
  type Target,
  type WriteContext,
} from '../http/request.ts';
import type {Registry} from '../registry.ts';
import {deleteObject} from './deletion.ts';
import {listPage} from './listing.ts';
import {changeFor} from './patching.ts';
import {watch} from './watching.ts';

/** What a subresource or a virtual kind does instead of the ordinary operation. */
export type Special = (
  target: Target,
  request: ApiRequest,
  context: WriteContext,
) => AnyAnswer | Promise<AnyAnswer>;

export type OperationParts = {
  readonly registry: Registry;
  readonly clock: Clock;
  /** By `group/plural` or `group/plural/subresource`. */
  readonly specials: ReadonlyMap<string, Special>;
};

/** The ordinary life of resources: get, list, watch, create, update, patch, delete. */
export function createOperations(parts: OperationParts): Operate {
  return (target, request) => {
    const context = contextOf(request);
    const collection = collectionOf(target.definition.resource);
    const special = parts.specials.get(
      target.subresource === undefined ? collection : `${collection}/${target.subresource}`,
    );
    if (special !== undefined) return special(target, request, context);
    return ordinary(parts, target, request, context);
  };
}

function ordinary(
  parts: OperationParts,
  target: Target,
  request: ApiRequest,
  context: WriteContext,
): AnyAnswer {
  switch (target.verb) {
    case 'get':
      return get(parts, target, request);
    case 'list':
      return list(parts, target, request);
    case 'watch':
      return watch(parts.registry.store, parts.clock, {
        ...target,
        namespace: scopeOf(target),
        query: request.query,
        accept: request.accept,
      });
    case 'create':
      return create(parts, target, request, context);
    case 'update':
      return update(parts, target, request, context);
    case 'patch':
      return patch(parts, target, request, context);
    case 'delete':
      return remove(parts, target, request, context);
    default:
      return removeCollection(parts, target, request, context);
  }
}

/** The namespace of the objects meant; a namespace itself has none. */
export function scopeOf(target: Target): string | undefined {
  return target.definition.resource.namespaced ? target.namespace : undefined;
}

export function nameOf(target: Target): string {
  if (target.name === undefined) throw badRequest('a name is required');
  return target.name;
}

function get({registry, clock}: OperationParts, target: Target, request: ApiRequest): Answer {
  const {definition} = target;
  const key = keyOf(scopeOf(target), nameOf(target));
  const entry = registry.store.get(collectionOf(definition.resource), key);
  if (entry === undefined) throw notFound(definition.resource, nameOf(target));
  const encoding = encodingFor(definition, request.accept, request.query);
  return {code: 200, contentType: encoding.contentType, body: encoding.one(entry, clock.now())};
}

function list({registry, clock}: OperationParts, target: Target, request: ApiRequest): Answer {
  const {definition} = target;
  const page = listPage(registry.store, definition, scopeOf(target), request.query);
  const encoding = encodingFor(definition, request.accept, request.query);
  return {
    code: 200,
    contentType: encoding.contentType,
    body: encoding.list(page.entries, page.metadata, clock.now()),
  };
}

/** Encodes a written object as its writer asked: kubectl prints the table of what it created. */
export function written(
  code: number,
  definition: Definition,
  object: Obj,
  request: ApiRequest,
  nowMs: number,
  warnings: readonly string[] = [],
): Answer {
  const encoding = encodingFor(definition, request.accept, request.query);
  const entry = {object, json: JSON.stringify(object), revision: 0};
  const answer = {code, contentType: encoding.contentType, body: encoding.one(entry, nowMs)};
  if (warnings.length === 0) return answer;
  return {...answer, headers: {warning: warnings.map((text) => `299 - ${JSON.stringify(text)}`)}};
}

function create(
  {registry, clock}: OperationParts,
  target: Target,
  request: ApiRequest,
  context: WriteContext,
): Answer {
  const object = registry.create(target.definition, scopeOf(target), request.body, context);
  return written(201, target.definition, object, request, clock.now(), context.warnings);
}

function update(
  {registry, clock}: OperationParts,
  target: Target,
  request: ApiRequest,
  context: WriteContext,
): Answer {
  const {definition, subresource} = target;
  const [namespace, name] = [scopeOf(target), nameOf(target)];
  const absent = registry.store.get(collectionOf(definition.resource), keyOf(namespace, name)) === undefined;
  if (absent && definition.strategy.createOnUpdate && subresource === undefined)
    return create({registry, clock, specials: new Map()}, target, request, context);
  const object = registry.update(definition, {namespace, name, subresource}, () => request.body, context);
  return written(200, definition, object, request, clock.now(), context.warnings);
}

function patch(
  {registry, clock}: OperationParts,
  target: Target,
  request: ApiRequest,
  context: WriteContext,
): Answer {
  const {definition, subresource} = target;
  const [namespace, name] = [scopeOf(target), nameOf(target)];
  const change = changeFor(definition, request, context, clock.now());
  const absent = registry.store.get(collectionOf(definition.resource), keyOf(namespace, name)) === undefined;
  if (absent && change.createFrom !== undefined && subresource === undefined) {
    const object = registry.create(definition, namespace, change.createFrom(name), context);
    return written(201, definition, object, request, clock.now(), context.warnings);
  }
  const object = registry.update(definition, {namespace, name, subresource}, change.apply, context);
  return written(200, definition, object, request, clock.now(), context.warnings);
}

/** DeleteOptions come in the body, and by query from simple clients. */
function deleteOptions(request: ApiRequest): object {
  const fromQuery: Record<string, unknown> = {};
  const grace = request.query.get('gracePeriodSeconds');
  if (grace !== null && /^-?\d+$/.test(grace)) fromQuery.gracePeriodSeconds = Number(grace);
  const policy = request.query.get('propagationPolicy');
  if (policy !== null) fromQuery.propagationPolicy = policy;
  const body = isObject(request.body) ? request.body : {};
  if (body.orphanDependents === true) fromQuery.propagationPolicy = 'Orphan';
  return {...fromQuery, ...body};
}

function isDryRun(request: ApiRequest, context: WriteContext): boolean {
  const inBody =
    isObject(request.body) && Array.isArray(request.body.dryRun) && request.body.dryRun.includes('All');
  return context.dryRun || inBody;
}

function remove(
  {registry, clock}: OperationParts,
  target: Target,
  request: ApiRequest,
  context: WriteContext,
): Answer {
  const {definition} = target;
  const key = {namespace: scopeOf(target), name: nameOf(target)};
  const dryRun = isDryRun(request, context);
  const {object, gone} = deleteObject(registry, clock, definition, key, deleteOptions(request), dryRun);
  // Pods (and whatever stays for a while) are answered as objects, everything gone as a Status.
  if (!gone || definition.strategy.graceSeconds !== undefined)
    return written(200, definition, object, request, clock.now());
  const {group, plural} = definition.resource;
  return json(200, {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {name: key.name, ...(group === '' ? {} : {group}), kind: plural, uid: object.metadata.uid},
  });
}

function removeCollection(
  {registry, clock}: OperationParts,
  target: Target,
  request: ApiRequest,
  context: WriteContext,
): Answer {
  const {definition} = target;
  const {entries, metadata} = listPage(registry.store, definition, scopeOf(target), request.query);
  const dryRun = isDryRun(request, context);
  for (const {object} of entries) {
    const {namespace, name} = object.metadata;
    try {
      deleteObject(registry, clock, definition, {namespace, name}, deleteOptions(request), dryRun);
    } catch (error) {
      if (!(error instanceof StatusError && error.code === 404)) throw error;
    }
  }
  const encoding = encodingFor(definition, request.accept, request.query);
  return {code: 200, contentType: encoding.contentType, body: encoding.list(entries, metadata, clock.now())};
}

function contextOf(request: ApiRequest): WriteContext {
  const {query, user} = request;
  const dryRun = query.getAll('dryRun');
  if (dryRun.some((value) => value !== 'All'))
    throw badRequest(`Invalid value: ${JSON.stringify(dryRun)}: dryRun supports only "All"`);
  const fieldManager = query.get('fieldManager') ?? request.userAgent.split('/')[0] ?? 'unknown';
  const fieldValidation = validationOf(query.get('fieldValidation') ?? '');
  return {user, dryRun: dryRun.length > 0, fieldManager, fieldValidation, warnings: []};
}

function validationOf(text: string): FieldValidation {
  switch (text) {
    case 'Strict':
    case 'Ignore':
      return text;
    case 'Warn':
    case '':
      return 'Warn';
    default:
      throw badRequest(`fieldValidation: Invalid value: "${text}": must be Ignore, Warn or Strict`);
  }
}

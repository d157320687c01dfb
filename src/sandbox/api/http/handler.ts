import type {Attributes} from '../../auth/attributes.ts';
import type {Definition} from '../../resources/definition.ts';
import {internal, methodNotAllowed, noSuchPath, StatusError} from '../../status.ts';
import {demanded} from '../operations/selectors.ts';
import type {AnyAnswer, ApiRequest, Target} from './request.ts';
import {json} from './request.ts';
import {route} from './router.ts';

export type Handler = (request: ApiRequest) => Promise<AnyAnswer>;

/** The operations on resources, by what the target says; made by `operations.ts`. */
export type Operate = (target: Target, request: ApiRequest) => AnyAnswer | Promise<AnyAnswer>;

/** Paths that are not about resources: discovery, OpenAPI, health, version. Undefined when there is none. */
export type Describe = (request: ApiRequest) => AnyAnswer | Promise<AnyAnswer> | undefined;

/** Throws a 403 for what the user may not do. */
export type Authorize = (attributes: Attributes) => void;

export type Parts = {
  readonly authorize: Authorize;
  readonly operate: Operate;
  readonly describe: Describe;
  /** For what no answer should have: a bug. */
  readonly onError: (error: unknown, request: ApiRequest) => void;
};

/** One request from its user to its answer: route, authorize, operate. Every client goes through here. */
export function createHandler(parts: Parts): Handler {
  return async (request) => {
    try {
      const target = route(request.method, request.path, request.query);
      parts.authorize(attributesOf(request, target));
      if (target !== undefined) {
        checkOffered(target);
        return await parts.operate(target, request);
      }
      const answer = parts.describe(request);
      if (answer === undefined) throw noSuchPath();
      return await answer;
    } catch (error) {
      return refusal(error, () => parts.onError(error, request));
    }
  };
}

export function refusal(error: unknown, onUnexpected: () => void): AnyAnswer {
  if (error instanceof StatusError) {
    const seconds = error.details?.retryAfterSeconds;
    const answer = json(error.code, error.toStatus());
    return seconds === undefined ? answer : {...answer, headers: {'retry-after': String(seconds)}};
  }
  onUnexpected();
  return json(500, internal(error instanceof Error ? error.message : String(error)).toStatus());
}

function attributesOf(request: ApiRequest, target: Target | undefined): Attributes {
  const {user, path, query} = request;
  if (target === undefined) return {user, path, verb: request.method.toLowerCase()};
  const {definition, subresource, namespace} = target;
  const {group, plural} = definition.resource;
  const fieldSelector = query.get('fieldSelector') ?? undefined;
  // A list or watch of one name is about that object (apiserver's RequestInfo).
  const name =
    target.name ?? (fieldSelector === undefined ? undefined : demanded(fieldSelector, 'metadata.name'));
  return {
    user,
    path,
    verb: verbFor(target),
    resource: {group, plural, subresource, namespace, name, fieldSelector},
  };
}

/** Running something in a container is a `create`, also when a WebSocket has to ask with GET. */
function verbFor({definition, verb, subresource}: Target): string {
  const runs = subresource !== undefined && subresource !== 'log' && isProxied(definition, subresource);
  return runs && definition.resource.plural === 'pods' ? 'create' : verb;
}

function checkOffered({definition, verb, subresource}: Target): void {
  if (subresource === undefined) {
    if (!definition.verbs.some((offered) => offered === verb)) throw methodNotAllowed();
    return;
  }
  const found = definition.subresources.find((sub) => sub.name === subresource);
  if (found === undefined) throw noSuchPath();
  const proxied = isProxied(definition, subresource);
  if (!proxied && !found.verbs.includes(verb)) throw methodNotAllowed();
}

/** Subresources that a node's kubelet answers, whatever the method. */
export function isProxied(definition: Definition, subresource: string): boolean {
  const {plural, group} = definition.resource;
  if (group !== '') return false;
  if (plural === 'nodes') return subresource === 'proxy';
  return plural === 'pods' && ['log', 'exec', 'attach', 'portforward'].includes(subresource);
}

import type {IncomingMessage} from 'node:http';
import {peerCertificate} from '../../../edges/http/http-server.ts';
import {describeError} from '../../../lib/errors.ts';
import type {Logger} from '../../../lib/log.ts';
import {type Endpoint, matchRoute, type Route, verbOf} from '../routes.ts';
import type {Authenticator, User} from './authenticate.ts';
import type {Authorizer} from './authorize.ts';
import {Refusal} from './refusal.ts';

/** A request that may be served. */
export type Admitted = {readonly route: Route; readonly query: URLSearchParams; readonly user: User};

export type Gate = {
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  /** enableDebuggingHandlers: everything that shows or touches containers. */
  readonly debugging: boolean;
  /** Switched off one by one, and what is answered then. */
  readonly disabled: ReadonlyMap<Endpoint, string>;
  readonly log: Logger;
};

const debugging: readonly Endpoint[] = [
  'running-pods',
  'configz',
  'logs',
  'exec',
  'attach',
  'port-forward',
  'run',
  'checkpoint',
  'statusz',
  'flagz',
  'node-logs',
  'profiles',
  'debug-flags',
];

/** Who asks for these is told why there is nothing; the rest of what debugging is has then never been (server.go, InstallDebuggingDisabledHandlers). */
const explained: readonly Endpoint[] = [
  'run',
  'exec',
  'attach',
  'port-forward',
  'logs',
  'running-pods',
  'profiles',
  'node-logs',
];

/** The path and the query of a request target; only the origin form (`/path?query`) exists here. */
export function parseTarget(target: string): {readonly path: string; readonly query: URLSearchParams} {
  const at = target.indexOf('?');
  const path = at < 0 ? target : target.slice(0, at);
  return {path, query: new URLSearchParams(at < 0 ? '' : target.slice(at + 1))};
}

/**
 * Who asks, and whether he may: each request anew, also the second on one connection. Only then is anything told
 * about what exists here.
 * @throws Refusal 401, 403, 404, 405, or 500 when the API server cannot be asked
 */
export async function admit(request: IncomingMessage, gate: Gate): Promise<Admitted> {
  const {path, query} = parseTarget(request.url ?? '');
  const route = matchRoute(path);
  const user = await authenticate(request, gate);
  await authorize(user, route, request.method ?? '', gate);
  const {endpoint} = route;
  const isOff = !gate.debugging && debugging.includes(endpoint);
  if (endpoint === 'not-found' || (isOff && !explained.includes(endpoint)))
    throw new Refusal(404, '404 page not found');
  if (isOff) throw new Refusal(405, 'Debug endpoints are disabled.');
  const disabled = gate.disabled.get(endpoint);
  if (disabled !== undefined) throw new Refusal(405, disabled);
  if (!route.methods.includes(request.method ?? '')) throw new Refusal(405, '405: Method Not Allowed');
  return {route, query, user};
}

async function authenticate(request: IncomingMessage, {authenticator, log}: Gate): Promise<User> {
  const proof = {certificate: peerCertificate(request), authorization: request.headers.authorization};
  try {
    const user = await authenticator.authenticate(proof);
    if (user !== undefined) return user;
  } catch (error) {
    log.warn('a client could not be authenticated', {error: describeError(error)});
    throw new Refusal(401, 'Unauthorized', error);
  }
  throw new Refusal(401, 'Unauthorized');
}

async function authorize(user: User, route: Route, method: string, {authorizer, log}: Gate): Promise<void> {
  const verb = verbOf(route, method);
  const what = `(user=${user.name}, verb=${verb}, resource=nodes, subresource(s)=[${route.subresources.join(' ')}])`;
  const allowed = await authorizer.authorize(user, verb, route.subresources).catch((error: unknown) => {
    log.warn('a request could not be authorized', {user: user.name, verb, error: describeError(error)});
    throw new Refusal(500, `Authorization error ${what}`, error);
  });
  if (!allowed) throw new Refusal(403, `Forbidden ${what}`);
}

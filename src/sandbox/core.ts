import type {Logger} from '../lib/log.ts';
import type {Clock} from '../lib/time.ts';
import type {Admit} from './admission/types.ts';
import {createHandler, type Handler} from './api/http/handler.ts';
import type {Authenticate} from './api/http/http-server.ts';
import {createOperations} from './api/operations/operations.ts';
import {Registry} from './api/registry.ts';
import {createSpecials} from './api/specials.ts';
import type {Attributes} from './auth/attributes.ts';
import {createAuthenticate, createCheckToken} from './auth/authenticate.ts';
import {createAuthorizer, enforce} from './auth/authorize.ts';
import {nodeAuthorizer} from './auth/node-authorizer.ts';
import {NodeGraph} from './auth/node-graph.ts';
import {withNodeRestriction} from './auth/node-restriction.ts';
import {ServiceAccountTokens} from './auth/service-account-tokens.ts';
import type {User} from './contract.ts';
import {createDescribe} from './discovery/describe.ts';
import type {Store} from './store/store.ts';

export type CoreOptions = {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Logger;
  readonly clusterDomain: string;
  readonly version: string;
  /** PEM; signs service-account tokens. */
  readonly serviceAccountKey: string;
  readonly admit?: Admit;
};

export type Core = {
  readonly registry: Registry;
  readonly handler: Handler;
  readonly authenticate: Authenticate;
  readonly authorize: (attributes: Attributes) => void;
};

/** What runs inside the process itself. */
export const apiServerUser: User = {
  username: 'system:apiserver',
  groups: ['system:masters', 'system:authenticated'],
};

/** The pipeline that every request goes through, whoever sends it. No sockets. */
export function createCore(options: CoreOptions): Core {
  const {store, clock, log} = options;
  const admit = withNodeRestriction(options.admit ?? ((request) => request.object));
  const registry = new Registry(store, clock, admit);
  const issuer = `https://kubernetes.default.svc.${options.clusterDomain}`;
  const tokens = new ServiceAccountTokens(options.serviceAccountKey, issuer, store, clock);
  const checkToken = createCheckToken(store, clock, tokens);
  const authorizer = createAuthorizer(store, nodeAuthorizer(new NodeGraph(store)));
  const authorize = enforce(authorizer);
  const specials = createSpecials({registry, clock, tokens, checkToken, authorizer});
  const handler = createHandler({
    authorize,
    operate: createOperations({registry, clock, specials}),
    describe: createDescribe({version: options.version, tokens}),
    onError: (error, {method, path}) =>
      log.error('a request failed unexpectedly', {
        method,
        path,
        error: error instanceof Error ? error.stack : String(error),
      }),
  });
  return {registry, handler, authenticate: createAuthenticate(checkToken, tokens.audience), authorize};
}

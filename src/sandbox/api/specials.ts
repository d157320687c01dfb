import type {Clock} from '../../lib/time.ts';
import type {Authorizer} from '../auth/attributes.ts';
import type {CheckToken} from '../auth/authenticate.ts';
import {reviews} from '../auth/reviews.ts';
import type {ServiceAccountTokens} from '../auth/service-account-tokens.ts';
import type {Special} from './operations/operations.ts';
import {bindPod} from './parts/binding.ts';
import {evictPod} from './parts/eviction.ts';
import {nodeProxy, podStream} from './parts/kubelet.ts';
import {scaleOf} from './parts/scale.ts';
import {createToken} from './parts/token.ts';
import type {Registry} from './registry.ts';

export type SpecialParts = {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly tokens: ServiceAccountTokens;
  readonly checkToken: CheckToken;
  readonly authorizer: Authorizer;
};

/** Every subresource and virtual kind that is not an ordinary object. */
export function createSpecials(parts: SpecialParts): ReadonlyMap<string, Special> {
  const {registry, clock} = parts;
  return new Map<string, Special>([
    ['/pods/binding', bindPod(registry, clock)],
    ['/bindings', bindPod(registry, clock)],
    ['/pods/eviction', evictPod(registry, clock)],
    ['/pods/log', podStream(registry, 'containerLogs')],
    ['/pods/exec', podStream(registry, 'exec')],
    ['/pods/attach', podStream(registry, 'attach')],
    ['/pods/portforward', podStream(registry, 'portForward')],
    ['/nodes/proxy', nodeProxy(registry)],
    ['/serviceaccounts/token', createToken(registry, clock, parts.tokens)],
    ['apps/deployments/scale', scaleOf(registry, clock)],
    ['apps/replicasets/scale', scaleOf(registry, clock)],
    ...reviews(parts),
  ]);
}

import type {KubeClient} from '../../../edges/kube/client.ts';
import {describeError} from '../../../lib/errors.ts';
import type {Pod} from '../../../lib/kubernetes.ts';
import type {Logger} from '../../../lib/log.ts';
import {apiPath, serviceAccounts} from '../../../lib/resources.ts';
import type {Clock} from '../../../lib/time.ts';

export type TokenWish = {readonly audience?: string; readonly expirationSeconds: number};
export type Token = {
  readonly token: string;
  /** When it should be asked for again. */
  readonly againInMs: number;
  /** Wall clock. */
  readonly expiresAtMs?: number;
};

/** Service-account tokens bound to a pod. */
export type TokenSource = {
  token(pod: Pod, wish: TokenWish, signal?: AbortSignal): Promise<Token>;
  /** The pod is gone; its tokens are not needed any more. */
  forget(uid: string): void;
};

type TokenRequest = {
  readonly spec?: {readonly expirationSeconds?: number};
  readonly status?: {readonly token?: string; readonly expirationTimestamp?: string};
};
type Known = {readonly token: string; readonly refreshAtMs: number; readonly expiresAtMs: number};

/** pkg/kubelet/token: a token is renewed after a day at the latest. */
const maxAgeMs = 24 * 3_600_000;
const maxJitterMs = 10_000;
/** After a failure, while the old token is still good. */
const retryMs = 30_000;

/** Asks the API for tokens and renews them at 80 % of their life; an old one serves while the API is away. */
export function createTokenSource(options: {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Logger;
}): TokenSource {
  const known = new Map<string, Map<string, Known>>();
  return {
    async token(pod, wish, signal) {
      const nowMs = options.clock.now();
      const ofPod = known.get(pod.metadata.uid) ?? new Map<string, Known>();
      const key = JSON.stringify([pod.spec.serviceAccountName, wish.audience, wish.expirationSeconds]);
      const old = ofPod.get(key);
      if (old !== undefined && nowMs < old.refreshAtMs)
        return {token: old.token, againInMs: old.refreshAtMs - nowMs, expiresAtMs: old.expiresAtMs};
      try {
        const fresh = lifeOf(await request(options.client, pod, wish, signal), wish, nowMs);
        known.set(pod.metadata.uid, ofPod.set(key, fresh));
        return {token: fresh.token, againInMs: fresh.refreshAtMs - nowMs, expiresAtMs: fresh.expiresAtMs};
      } catch (error) {
        if (old === undefined || nowMs >= old.expiresAtMs) throw error;
        options.log.warn('a service-account token could not be renewed', {error: describeError(error)});
        return {token: old.token, againInMs: retryMs, expiresAtMs: old.expiresAtMs};
      }
    },
    forget: (uid) => void known.delete(uid),
  };
}

function request(
  client: KubeClient,
  pod: Pod,
  {audience, expirationSeconds}: TokenWish,
  signal: AbortSignal | undefined,
): Promise<TokenRequest> {
  const {name, namespace, uid} = pod.metadata;
  const path = apiPath(serviceAccounts, namespace, pod.spec.serviceAccountName ?? 'default', 'token');
  const body = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: {
      audiences: audience ? [audience] : [],
      expirationSeconds,
      boundObjectRef: {apiVersion: 'v1', kind: 'Pod', name, uid},
    },
  };
  return client.request('POST', path, body, signal === undefined ? {} : {signal});
}

function lifeOf(answer: TokenRequest, wish: TokenWish, nowMs: number): Known {
  const token = answer.status?.token;
  if (!token) throw new Error('the API server answered a TokenRequest without a token');
  const lifeMs = (answer.spec?.expirationSeconds ?? wish.expirationSeconds) * 1000;
  const given = Date.parse(answer.status?.expirationTimestamp ?? '');
  const expiresAtMs = Number.isNaN(given) ? nowMs + lifeMs : given;
  const jitterMs = Math.random() * Math.min(maxJitterMs, lifeMs / 10);
  const refreshAtMs = Math.min(expiresAtMs - lifeMs * 0.2, expiresAtMs - lifeMs + maxAgeMs) - jitterMs;
  return {token, expiresAtMs, refreshAtMs};
}

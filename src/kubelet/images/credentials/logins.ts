import type {Pod} from '../../../lib/kubernetes.ts';
import type {ObjectSource} from '../../api/objects.ts';
import {type CredentialEntry, credentialsOf, type Login, type LoginEntry, matching} from './credentials.ts';

/** Logins that come from elsewhere than secrets. */
export type LoginSources = {
  readonly objects: Pick<ObjectSource, 'secret'>;
  readonly ofNode: () => Promise<readonly CredentialEntry[]>;
  readonly ofProviders: (pod: Pod, repository: string) => Promise<readonly LoginEntry[]>;
  /** Secrets that the pod names could not be had: the pull goes on without them. */
  readonly onMissing: (pod: Pod, names: readonly string[]) => void;
};

/**
 * What a pod may log in with to pull from a repository, in the order in which it is tried: its imagePullSecrets, the
 * node's own configuration, then what credential providers give. A secret that cannot be had is no error: the image may
 * need none (kubelet_pods.go, getPullSecretsForPod).
 */
export async function podLogins(
  sources: LoginSources,
  pod: Pod,
  repository: string,
  signal: AbortSignal,
): Promise<readonly Login[]> {
  const [secrets, node, providers] = await Promise.all([
    ofSecrets(sources, pod, signal),
    sources.ofNode(),
    sources.ofProviders(pod, repository),
  ]);
  return [secrets, node, providers].flatMap((entries) => matching<LoginEntry>(entries, repository));
}

async function ofSecrets(
  {objects, onMissing}: LoginSources,
  pod: Pod,
  signal: AbortSignal,
): Promise<LoginEntry[]> {
  const {uid, namespace} = pod.metadata;
  const names = (pod.spec.imagePullSecrets ?? []).flatMap(({name}) => (name ? [name] : []));
  const found = await Promise.all(
    names.map(async (name) => ({
      name,
      secret: await objects.secret(uid, namespace, name, signal).catch(() => undefined),
    })),
  );
  signal.throwIfAborted();
  const missing = found.filter(({secret}) => secret === undefined).map(({name}) => name);
  if (missing.length > 0) onMissing(pod, missing);
  return found.flatMap(({name, secret}) => {
    if (secret === undefined) return [];
    const source = {kind: 'secret', uid: secret.metadata.uid, namespace, name} as const;
    return credentialsOf(secret).map((entry) => ({...entry, source}));
  });
}

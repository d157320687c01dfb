import type {Pod} from '../../../lib/kubernetes.ts';
import type {ObjectSource} from '../../api/objects.ts';
import {type CredentialEntry, credentialsOf, type Login, type LoginEntry, matching} from './credentials.ts';

/** Logins that come from elsewhere than secrets. */
export type LoginSources = {
  readonly objects: Pick<ObjectSource, 'secret'>;
  readonly ofNode: () => Promise<readonly CredentialEntry[]>;
  readonly ofProviders: (pod: Pod, repository: string) => Promise<readonly LoginEntry[]>;
};

/**
 * What a pod may log in with to pull from a repository, in the order in which it is tried: its imagePullSecrets, the
 * node's own configuration, then what credential providers give. A secret that is missing is no error.
 */
export async function podLogins(
  {objects, ofNode, ofProviders}: LoginSources,
  pod: Pod,
  repository: string,
  signal: AbortSignal,
): Promise<readonly Login[]> {
  const [secrets, node, providers] = await Promise.all([
    ofSecrets(objects, pod, signal),
    ofNode(),
    ofProviders(pod, repository),
  ]);
  return [secrets, node, providers].flatMap((entries) => matching<LoginEntry>(entries, repository));
}

async function ofSecrets(
  objects: Pick<ObjectSource, 'secret'>,
  {metadata, spec}: Pod,
  signal: AbortSignal,
): Promise<LoginEntry[]> {
  const {uid, namespace} = metadata;
  const names = (spec.imagePullSecrets ?? []).flatMap(({name}) => (name ? [name] : []));
  const secrets = await Promise.all(names.map((name) => objects.secret(uid, namespace, name, signal)));
  return secrets.flatMap((secret) => {
    if (secret === undefined) return [];
    const {uid: secretUid, name} = secret.metadata;
    const source = {kind: 'secret', uid: secretUid, namespace, name} as const;
    return credentialsOf(secret).map((entry) => ({...entry, source}));
  });
}

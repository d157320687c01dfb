import type {Pod} from '../../lib/kubernetes.ts';
import type {ObjectSource} from '../objects.ts';
import {type Credential, credentialsOf, matching} from './credentials.ts';

/** The logins that a pod's imagePullSecrets have for a repository. A secret that is missing is no error. */
export async function pullCredentials(
  objects: Pick<ObjectSource, 'secret'>,
  {metadata, spec}: Pod,
  repository: string,
  signal: AbortSignal,
): Promise<readonly Credential[]> {
  const {uid, namespace} = metadata;
  const names = (spec.imagePullSecrets ?? []).flatMap(({name}) => (name ? [name] : []));
  const secrets = await Promise.all(names.map((name) => objects.secret(uid, namespace, name, signal)));
  return matching(
    secrets.flatMap((secret) => (secret === undefined ? [] : credentialsOf(secret))),
    repository,
  );
}

import type {Container, Pod, ServiceAccount, Volume} from '../../../lib/kubernetes.ts';
import {serviceAccounts} from '../../../lib/resources.ts';
import {forbidden} from '../../status.ts';
import {randomSuffix} from '../random-suffix.ts';
import type {Lookup, Write} from '../types.ts';

const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount';
const mirror = 'kubernetes.io/config.mirror';
/** An hour and seven seconds, so that a refresh falls before a token's hour is over (the plugin's own number). */
const tokenSeconds = 3607;

/** The ServiceAccount admission plugin: account, its pull secrets, and the token volume. */
export function admitServiceAccount(write: Write<Pod>, lookup: Lookup, random: () => number): void {
  const pod = write.object;
  if (pod.metadata.annotations?.[mirror] !== undefined) {
    checkMirror(write);
    return;
  }
  const name = pod.spec.serviceAccountName || 'default';
  pod.spec.serviceAccountName = name;
  pod.spec.serviceAccount = name;
  const account = lookup.get(serviceAccounts, write.namespace, name);
  if (account === undefined)
    throw forbidden(
      write.resource,
      pod.metadata.name,
      `error looking up service account ${write.namespace}/${name}: serviceaccount "${name}" not found`,
    );
  if (mountsToken(pod, account)) mountToken(pod, random);
  if ((pod.spec.imagePullSecrets ?? []).length === 0 && account.imagePullSecrets !== undefined)
    pod.spec.imagePullSecrets = account.imagePullSecrets.map((secret) => ({...secret}));
}

function checkMirror(write: Write<Pod>): void {
  const {spec, metadata} = write.object;
  const refuse = (why: string) => forbidden(write.resource, metadata.name, why);
  if (spec.serviceAccountName) throw refuse('a mirror pod may not reference service accounts');
  for (const volume of spec.volumes ?? []) {
    if (volume.secret) throw refuse('a mirror pod may not reference secrets');
    if (volume.projected?.sources?.some((source) => source.serviceAccountToken))
      throw refuse('a mirror pod may not use ServiceAccountToken volume projections');
  }
}

function mountsToken(pod: Pod, account: ServiceAccount): boolean {
  return pod.spec.automountServiceAccountToken ?? account.automountServiceAccountToken ?? true;
}

function mountToken(pod: Pod, random: () => number): void {
  const {spec} = pod;
  const known = spec.volumes?.find((volume) => volume.name.startsWith('kube-api-access-'))?.name;
  const name = known ?? `kube-api-access-${randomSuffix(random)}`;
  let needed = false;
  for (const container of [...(spec.initContainers ?? []), ...spec.containers])
    if (mountInto(container, name)) needed = true;
  if (needed && known === undefined) spec.volumes = [...(spec.volumes ?? []), tokenVolume(name)];
}

/** A container that already mounts something at the place keeps it. */
function mountInto(container: Container, name: string): boolean {
  if (container.volumeMounts?.some((mount) => mount.mountPath === mountPath)) return false;
  container.volumeMounts = [...(container.volumeMounts ?? []), {name, mountPath, readOnly: true}];
  return true;
}

function tokenVolume(name: string): Volume {
  return {
    name,
    projected: {
      defaultMode: 0o644,
      sources: [
        {serviceAccountToken: {expirationSeconds: tokenSeconds, path: 'token'}},
        {configMap: {name: 'kube-root-ca.crt', items: [{key: 'ca.crt', path: 'ca.crt'}]}},
        {
          downwardAPI: {
            items: [{path: 'namespace', fieldRef: {apiVersion: 'v1', fieldPath: 'metadata.namespace'}}],
          },
        },
      ],
    },
  };
}

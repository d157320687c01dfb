import type {KubeClient} from '../../edges/kube/client.ts';
import {isAlreadyExists} from '../../edges/kube/errors.ts';
import {NodectlError} from '../../lib/errors.ts';
import type {Draft, KubeObject, ServiceAccount} from '../../lib/kubernetes.ts';
import {type Resource, serviceAccounts} from '../../lib/resources.ts';

/**
 * The identity of the service proxy: kubeadm's ServiceAccount, bound to system:node-proxier (a node's own
 * credentials may not read EndpointSlices).
 */
const namespace = 'kube-system';
const name = 'kube-proxy';
const bindings: Resource<KubeObject> = {
  group: 'rbac.authorization.k8s.io',
  version: 'v1',
  plural: 'clusterrolebindings',
  kind: 'ClusterRoleBinding',
  namespaced: false,
};

const account: Draft<ServiceAccount> = {
  apiVersion: 'v1',
  kind: 'ServiceAccount',
  metadata: {name, namespace},
};

const binding = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: {name: 'kubeadm:node-proxier'},
  roleRef: {apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:node-proxier'},
  subjects: [{kind: 'ServiceAccount', name, namespace}],
};

/** A year: the sandbox is not meant to live longer. */
const lifetimeSeconds = 365 * 24 * 3600;

/** Makes account and binding where they are missing and returns a new token of the account. */
export async function proxyToken(client: KubeClient): Promise<string> {
  await createOnce(() => client.create(serviceAccounts, account, {namespace}));
  await createOnce(() => client.create(bindings, binding));
  const request = {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: {expirationSeconds: lifetimeSeconds, audiences: []},
  };
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
  const answer = await client.request<{status?: {token?: string}}>('POST', path, request);
  if (answer.status?.token === undefined)
    throw new NodectlError('ND302', `TokenRequest of ${name}: an answer without a token`);
  return answer.status.token;
}

async function createOnce(create: () => Promise<unknown>): Promise<void> {
  try {
    await create();
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}

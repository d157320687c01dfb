import type {KubeClient} from '../edges/kube/client.ts';
import {isAlreadyExists} from '../edges/kube/errors.ts';
import {bootstrapPolicy} from './auth/policy.ts';

const systemNamespaces = ['default', 'kube-system', 'kube-public', 'kube-node-lease'];

/** Makes what exists in every cluster before anybody asks: namespaces, priority classes, bootstrap policy. */
export async function seed(client: KubeClient): Promise<void> {
  for (const name of systemNamespaces)
    await absent(client, '/api/v1/namespaces', {apiVersion: 'v1', kind: 'Namespace', metadata: {name}});
  for (const [name, value] of [
    ['system-node-critical', 2_000_001_000],
    ['system-cluster-critical', 2_000_000_000],
  ] as const)
    await absent(client, '/apis/scheduling.k8s.io/v1/priorityclasses', {
      metadata: {name},
      value,
      description: 'Used for system critical pods',
      preemptionPolicy: 'PreemptLowerPriority',
    });
  for (const {plural, namespace, body} of bootstrapPolicy) {
    const scope = namespace === undefined ? '' : `/namespaces/${namespace}`;
    await absent(client, `/apis/rbac.authorization.k8s.io/v1${scope}/${plural}`, {
      ...body,
      metadata: {
        ...(typeof body.metadata === 'object' ? body.metadata : {}),
        labels: {'kubernetes.io/bootstrapping': 'rbac-defaults'},
      },
    });
  }
}

async function absent(client: KubeClient, path: string, object: object): Promise<void> {
  try {
    await client.request('POST', path, object);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}

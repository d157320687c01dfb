import {kubeletPaths} from '../../config/kubelet-files.ts';
import type {KubeClient} from '../../edges/kube/client.ts';
import {loadKubeconfig} from '../../edges/kube/connection.ts';
import {isForbidden, isNotFound} from '../../edges/kube/errors.ts';
import {connectKube} from '../../edges/kube/http-client.ts';
import type {Node} from '../../lib/kubernetes.ts';
import {nodes} from '../../lib/resources.ts';
import type {Facts} from '../phase.ts';

/** With the node's own certificate, which may read its own Node and no other. */
export async function asNode<T>(facts: Facts, use: (client: KubeClient) => Promise<T>): Promise<T> {
  const client = connectKube(await loadKubeconfig(kubeletPaths(facts.options).kubeconfig));
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

export async function readNode(facts: Facts): Promise<Node | undefined> {
  return asNode(facts, async (client) => {
    try {
      return await client.get(nodes, {name: facts.options.nodeName});
    } catch (error) {
      if (isNotFound(error) || isForbidden(error)) return undefined;
      throw error;
    }
  });
}

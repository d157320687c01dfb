import {type ClusterIdentity, dataOf} from '../../config/cluster-info.ts';
import {askServer} from '../../edges/discovery.ts';
import {NodectlError} from '../../lib/errors.ts';
import type {Finding} from '../check.ts';
import {unreachable} from './answers.ts';

export type BootstrapReads = {
  readonly kubeletConfig: string | undefined;
  readonly findings: readonly Finding[];
};

/**
 * What a bootstrap token may read: the cluster's kubelet-config, and whether this node's name is taken.
 * @throws NodectlError ND406 when the token is refused, ND202 when a Ready node has the name
 */
export async function readWithToken(
  cluster: ClusterIdentity,
  bearer: string,
  nodeName: string,
  signal: AbortSignal,
): Promise<BootstrapReads> {
  const read = async (path: string) => {
    const answer = await askServer(cluster.server, path, {ca: cluster.ca, bearer, signal});
    signal.throwIfAborted();
    if (answer.kind !== 'answer') throw unreachable(cluster.server, answer);
    if (answer.status === 401)
      throw new NodectlError(
        'ND406',
        `${cluster.server} does not accept the token ${bearer.slice(0, 6)}: it has expired or was deleted`,
      );
    return answer;
  };
  const [config, node] = await Promise.all([
    read('/api/v1/namespaces/kube-system/configmaps/kubelet-config'),
    read(`/api/v1/nodes/${nodeName}`),
  ]);
  if (node.status === 200 && isReadyNode(node.body))
    throw new NodectlError('ND202', `the cluster has a Ready node ${nodeName}`, {
      next: ['Give another name with --node-name.', `Or, when it is gone: kubectl delete node ${nodeName}`],
    });
  const kubeletConfig = config.status === 200 ? dataOf(config.body)?.kubelet : undefined;
  return {kubeletConfig, findings: kubeletConfig === undefined ? [noConfig(config.status)] : []};
}

function noConfig(status: number): Finding {
  return {
    code: 'ND302',
    severity: 'warning',
    message: `kube-system/kubelet-config cannot be read (${status}): the kubelet runs with its defaults`,
    next: ['kubectl -n kube-system get configmap kubelet-config'],
  };
}

export function isReadyNode(body: string): boolean {
  type Conditions = {status?: {conditions?: {type: string; status: string}[]}};
  try {
    const node: Conditions = JSON.parse(body);
    return node.status?.conditions?.some(({type, status}) => type === 'Ready' && status === 'True') ?? false;
  } catch {
    return false;
  }
}

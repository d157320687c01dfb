import {type ClusterIdentity, dataOf} from '../../config/cluster-info.ts';
import type {BootstrapCredentials} from '../../config/join.ts';
import {judgeSkew} from '../../config/skew.ts';
import {kubernetesVersion} from '../../config/version.ts';
import {type Answer, askServer} from '../../edges/trust/discovery.ts';
import {NodectlError} from '../../lib/errors.ts';
import type {Finding} from '../check.ts';
import {unreachable} from './answers.ts';

export type BootstrapReads = {
  readonly kubeletConfig: string | undefined;
  readonly proxyConfig: string | undefined;
  /** What the node reports as its kubelet's version; undefined when the API server does not tell its own. */
  readonly version: string | undefined;
  readonly findings: readonly Finding[];
};

type Spoken = Extract<Answer, {kind: 'answer'}>;

/**
 * What a bootstrap token may read: the server's version, the cluster's kubelet-config and kube-proxy (which a node's
 * own certificate may not), and whether this node's name is taken, unless by this very machine (`isOwn`).
 * @throws NodectlError ND406 when the credentials are refused, ND202 when a Ready node has the name, ND421 when the
 * versions do not fit
 */
export async function readBootstrap(
  cluster: ClusterIdentity,
  credentials: BootstrapCredentials,
  {nodeName, isOwn}: {readonly nodeName: string; readonly isOwn: boolean},
  signal: AbortSignal,
): Promise<BootstrapReads> {
  const who =
    credentials.kind === 'token'
      ? {bearer: credentials.token}
      : {cert: credentials.cert, key: credentials.key};
  const read = async (path: string): Promise<Spoken> => {
    const answer = await askServer(cluster.server, path, {ca: cluster.ca, ...who, signal});
    signal.throwIfAborted();
    if (answer.kind !== 'answer') throw unreachable(cluster.server, answer);
    if (answer.status === 401) throw refused(cluster.server, credentials);
    return answer;
  };
  const [config, proxy, node, version] = await Promise.all([
    read('/api/v1/namespaces/kube-system/configmaps/kubelet-config'),
    read('/api/v1/namespaces/kube-system/configmaps/kube-proxy'),
    read(`/api/v1/nodes/${nodeName}`),
    read('/version'),
  ]);
  if (!isOwn && node.status === 200 && isReadyNode(node.body))
    throw new NodectlError('ND202', `the cluster has a Ready node ${nodeName}`, {
      next: ['Give another name with --node-name.', `Or, when it is gone: kubectl delete node ${nodeName}`],
    });
  const kubeletConfig = config.status === 200 ? dataOf(config.body)?.kubelet : undefined;
  return {
    kubeletConfig,
    // A cluster without kubeadm's kube-proxy has none.
    proxyConfig: proxy.status === 200 ? dataOf(proxy.body)?.['config.conf'] : undefined,
    version: reportedVersion(cluster.server, version),
    findings: kubeletConfig === undefined ? [noConfig(config.status)] : [],
  };
}

function refused(server: string, credentials: BootstrapCredentials): NodectlError {
  // Of a bootstrap token the first six characters are its public name; of any other, nothing is.
  const id =
    credentials.kind === 'token' ? /^([a-z0-9]{6})\.[a-z0-9]{16}$/.exec(credentials.token)?.[1] : undefined;
  const what = id === undefined ? 'the credentials of the discovery file' : `the token ${id}`;
  return new NodectlError('ND406', `${server} does not accept ${what}: expired or deleted`);
}

/** @throws NodectlError ND421 with both versions */
function reportedVersion(server: string, answer: Spoken): string | undefined {
  const version = answer.status === 200 ? gitVersion(answer.body) : undefined;
  if (version === undefined) return undefined;
  const skew = judgeSkew(version);
  switch (skew.kind) {
    case 'fits':
      return skew.report;
    case 'unreadable':
      return undefined;
    case 'server-too-old':
      throw new NodectlError(
        'ND421',
        `${server} runs ${version}; the kubelet of nodectl is ${kubernetesVersion} and serves control planes from v1.34 on`,
      );
    case 'server-too-new':
      throw new NodectlError(
        'ND421',
        `${server} runs ${version}; the kubelet of nodectl is ${kubernetesVersion}, more than 3 minors older`,
      );
  }
}

function gitVersion(body: string): string | undefined {
  try {
    const value: {gitVersion?: unknown} = JSON.parse(body);
    return typeof value.gitVersion === 'string' ? value.gitVersion : undefined;
  } catch {
    return undefined;
  }
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

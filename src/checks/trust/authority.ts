import {clusterIdentity, parseClusterInfo} from '../../config/cluster-info.ts';
import type {BootstrapCredentials} from '../../config/join.ts';
import {type Answer, type AskOptions, askServer} from '../../edges/trust/discovery.ts';
import {hostAuthorities} from '../../edges/trust/host-authorities.ts';
import {NodectlError} from '../../lib/errors.ts';
import {unreachable} from './answers.ts';

export const clusterInfoPath = '/api/v1/namespaces/kube-public/configmaps/cluster-info';

type Spoken = Extract<Answer, {kind: 'answer'}>;

/**
 * The CA of a cluster whose discovery kubeconfig has none, as kubeadm learns it (discovery/file): from cluster-info,
 * over a connection that this machine's own authorities vouch for. Without them the CA could be anybody's.
 * @throws NodectlError ND411 when they do not, or when the cluster does not tell
 */
export async function authorityOf(
  server: string,
  credentials: BootstrapCredentials,
  signal: AbortSignal,
): Promise<string> {
  const ca = await hostAuthorities();
  const read = async (who: AskOptions): Promise<Spoken> => {
    const answer = await askServer(server, clusterInfoPath, {ca, signal, ...who});
    signal.throwIfAborted();
    if (answer.kind === 'answer') return answer;
    if (answer.kind !== 'untrusted') throw unreachable(server, answer);
    throw untold(`this machine’s own authorities do not vouch for ${server} (${answer.detail})`);
  };
  // kubeadm lets anonymous users read it, and those of a token not; other clusters have it the other way round.
  const anonymous = await read({});
  const isRefused = anonymous.status === 401 || anonymous.status === 403;
  const {status, body} = isRefused ? await read(identityOf(credentials)) : anonymous;
  if (status !== 200) throw untold(`${server} answers ${status} to a read of kube-public/cluster-info`);
  const told = clusterIdentity(parseClusterInfo(body)?.kubeconfig ?? '');
  if (told === undefined) throw untold(`cluster-info of ${server} has none either`);
  return told.ca;
}

function identityOf(credentials: BootstrapCredentials): AskOptions {
  if (credentials.kind === 'token') return {bearer: credentials.token};
  return {cert: credentials.cert, key: credentials.key};
}

function untold(why: string): NodectlError {
  return new NodectlError('ND411', `the discovery file has no certificate-authority, and ${why}`, {
    next: [
      'On a control-plane node: kubectl -n kube-public get configmap cluster-info -o jsonpath={.data.kubeconfig}',
      'What that prints is a discovery file with its CA; give --tls-bootstrap-token beside it.',
    ],
  });
}

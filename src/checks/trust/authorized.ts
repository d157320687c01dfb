import type {Node} from '../../lib/kubernetes.ts';
import {type Finding, failure} from '../check.ts';
import {readCertificate} from '../identity/client-certificate.ts';
import {nodeCheck, type Told} from '../node/context.ts';

const joinAgain = 'sudo nodectl reset && sudo nodectl join … (with a fresh token)';

/** A client CA may be another than the server's: only a refusal makes a foreign certificate a fault. */
export const authorized = nodeCheck({
  name: 'Authorized',
  category: 'trust',
  codes: ['ND415', 'ND416'],
  looks: 'reads its own Node with the node’s certificate',
  after: ['APIServer', 'ClientCertificate'],
  blames: ['Clock'],
  async observe({sight}) {
    const [{credentials, ca}, node] = await Promise.all([sight.connection(), sight.node()]);
    const foreign = credentials.kind === 'certificate' && !readCertificate(credentials.cert, ca).byCluster;
    return {node, foreign};
  },
  judge: ({node, foreign}) => judgeRefusal(node, foreign),
});

export function judgeRefusal(node: Told<Node>, foreign: boolean): readonly Finding[] {
  if (node.kind !== 'refused') return [];
  if (foreign)
    return [failure('ND415', 'the node’s certificate is of another CA than the cluster’s', joinAgain)];
  const what = `the API server refuses this node (HTTP ${node.httpCode})`;
  return [failure('ND416', `${what}\n${node.message}`, joinAgain)];
}

import {askDns, type DnsAnswer} from '../../edges/network/probes/dns-query.ts';
import {type Finding, failure, warning} from '../check.ts';
import {nodeCheck} from '../node/context.ts';

/** Pods ask the cluster's DNS for everything: so does this, from the node. */
export const clusterDns = nodeCheck({
  name: 'ClusterDNS',
  category: 'network',
  codes: ['ND320'],
  looks: 'asks the cluster’s DNS for kubernetes.default',
  after: ['Authorized'],
  blames: ['ServiceRules', 'ServiceAnswers', 'ProxyService', 'ProxyHealth', 'IPForwarding'],
  // Where the cluster's own proxy serves, a Service that does not answer is only a warning; it is the cause all the same.
  follows: ['ServiceAnswers'],
  async observe({sight}) {
    const config = await sight.kubeletConfig().catch(() => undefined);
    const server = config?.clusterDNS?.[0];
    if (server === undefined) return undefined;
    const name = `kubernetes.default.svc.${config?.clusterDomain || 'cluster.local'}`;
    return {server, name, answer: await askDns(server, name, 1600)};
  },
  judge: (seen) => (seen === undefined ? [] : judgeDns(seen.server, seen.name, seen.answer)),
});

const next = 'kubectl -n kube-system get pods,endpointslices -l k8s-app=kube-dns';

/** A refusal is a Service without pods behind it: DNS is not there yet, anywhere. */
export function judgeDns(server: string, name: string, answer: DnsAnswer): readonly Finding[] {
  switch (answer.kind) {
    case 'silent':
      return [failure('ND320', `cluster DNS ${server} does not answer\n${answer.detail}`, next)];
    case 'refused':
      return [warning('ND320', `nobody serves cluster DNS ${server}\n${answer.detail}`, next)];
    case 'answer':
      return answer.code === 'NOERROR' && answer.addresses.length > 0
        ? []
        : [warning('ND320', `cluster DNS ${server} does not know ${name}\n${answer.code}`, next)];
  }
}

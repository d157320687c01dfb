import {failure} from '../check.ts';
import {nodeCheck} from '../node/context.ts';

export const probeDns = nodeCheck({
  name: 'ProbeDNS',
  category: 'network',
  codes: ['ND515'],
  looks: 'asks the cluster’s DNS from inside the test pod (--probe)',
  after: ['ProbeSandbox'],
  blames: ['ClusterDNS', 'ServiceRules', 'IPForwarding', 'ForwardPolicy'],
  observe: ({sight}) => sight.probe(),
  judge: (seen) => {
    if (seen.kind === 'failed') return [];
    const {dns} = seen.network;
    if (dns.kind === 'answer' && dns.addresses.length > 0) return [];
    return [failure('ND515', `pods find no names\n${dns.kind === 'answer' ? dns.code : dns.detail}`)];
  },
});

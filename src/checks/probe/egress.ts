import {failure} from '../check.ts';
import {nodeCheck} from '../node/context.ts';

export const probeEgress = nodeCheck({
  name: 'ProbeEgress',
  category: 'network',
  codes: ['ND516'],
  looks: 'connects to the Service kubernetes from inside the test pod (--probe)',
  after: ['ProbeSandbox'],
  blames: ['ServiceAnswers', 'ServiceRules', 'IPForwarding', 'ForwardPolicy', 'APIServer'],
  observe: ({sight}) => sight.probe(),
  judge: (seen) =>
    seen.kind === 'failed' || seen.network.egress.outcome === 'success'
      ? []
      : [failure('ND516', `pods do not reach the API server\n${seen.network.egress.message}`)],
});

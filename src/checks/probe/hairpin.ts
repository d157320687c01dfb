import {warning} from '../check.ts';
import {nodeCheck} from '../node/context.ts';

export const probeHairpin = nodeCheck({
  name: 'ProbeHairpin',
  category: 'network',
  codes: ['ND517'],
  looks: 'reads hairpin_mode of the test pod’s port of the bridge (--probe)',
  after: ['ProbeSandbox'],
  observe: ({sight}) => sight.probe(),
  judge: (seen) =>
    seen.kind === 'failed' || seen.hairpin !== false
      ? []
      : [
          warning(
            'ND517',
            'a pod does not reach itself through a Service: its bridge port has no hairpin mode',
          ),
        ],
});

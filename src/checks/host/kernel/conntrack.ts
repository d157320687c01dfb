import {readConntrack} from '../../../edges/machine/limits.ts';
import {hostCheck} from '../../check.ts';
import {nearlyUsed} from './kernel-limits.ts';

export const conntrack = hostCheck({
  name: 'Conntrack',
  category: 'host',
  codes: ['ND125'],
  looks: 'reads nf_conntrack_count and nf_conntrack_max',
  observe: readConntrack,
  judge: (seen) =>
    seen === undefined
      ? []
      : nearlyUsed(
          {used: seen.count, max: seen.max},
          'ND125',
          'tracked connections',
          'sudo sysctl -w net.netfilter.nf_conntrack_max=262144',
        ),
});

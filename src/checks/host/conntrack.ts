import {readConntrack} from '../../edges/limits.ts';
import {nodeCheck} from '../node/context.ts';
import {nearlyUsed} from './kernel-limits.ts';

export const conntrack = nodeCheck({
  name: 'Conntrack',
  category: 'host',
  codes: ['ND125'],
  observe: readConntrack,
  judge: (seen) =>
    seen === undefined
      ? []
      : nearlyUsed(
          {used: seen.count, max: seen.max},
          'ND125',
          'tracked connections',
          'sysctl -w net.netfilter.nf_conntrack_max=262144',
        ),
});

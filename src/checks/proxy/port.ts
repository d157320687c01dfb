import {portOwners} from '../../edges/network/ports.ts';
import {judgeOwners} from '../leftovers/ports.ts';
import {nodeCheck} from '../node/context.ts';

/** Looked at only while the proxy is not well: kube-proxy, or its remains, likes the same ports. */
export const proxyPort = nodeCheck({
  name: 'ProxyPort',
  category: 'proxy',
  codes: ['ND601'],
  looks: 'looks who holds the proxy’s ports while it is not well',
  after: ['Joined'],
  async observe({sight, options, proxied}) {
    if (!proxied) return {owners: [], own: []};
    const [{status}, health] = await Promise.all([sight.daemon('proxy'), sight.proxyHealth()]);
    if (status.running && health.kind === 'ok') return {owners: [], own: []};
    const {proxyHealthz, proxyMetrics} = options.ports;
    return {
      owners: await portOwners([proxyHealthz, proxyMetrics]),
      own: status.pid === undefined ? [] : [status.pid],
    };
  },
  // A port whose holder cannot be seen may be the proxy's own, in another process namespace.
  judge: ({owners, own}) =>
    judgeOwners(
      owners.filter(({pid}) => pid !== undefined),
      own,
    ),
});

import {portOwners} from '../../edges/network/ports.ts';
import {judgeOwners} from '../leftovers/ports.ts';
import {nodeCheck} from '../node/context.ts';

/** Looked at only while the kubelet is not well: a healthy one holds its port. */
export const kubeletPort = nodeCheck({
  name: 'KubeletPort',
  category: 'kubelet',
  codes: ['ND601'],
  looks: 'looks who holds the kubelet’s ports while it is not well',
  after: ['Joined'],
  async observe({sight, options}) {
    const [{status}, health, config] = await Promise.all([
      sight.daemon('kubelet'),
      sight.kubeletHealth(),
      sight.kubeletConfig().catch(() => undefined),
    ]);
    if (status.running && health.kind === 'ok') return {owners: [], own: []};
    const ports = [
      config?.port ?? options.ports.kubelet,
      config?.healthzPort ?? options.ports.kubeletHealthz,
    ];
    return {owners: await portOwners(ports), own: status.pid === undefined ? [] : [status.pid]};
  },
  // A port whose holder cannot be seen may be the kubelet's own, in another process namespace.
  judge: ({owners, own}) =>
    judgeOwners(
      owners.filter(({pid}) => pid !== undefined),
      own,
    ),
});

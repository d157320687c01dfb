import {basename} from 'node:path';
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
  blames: ['OtherKubelet'],
  async observe({sight, options, joined}) {
    const [{status}, health, config] = await Promise.all([
      sight.daemon('kubelet'),
      sight.kubeletHealth(),
      sight.kubeletConfig().catch(() => undefined),
    ]);
    // Kubernetes' own kubelet may be run by anything, and then is no service that could be asked.
    const foreign = joined === 'other' && !status.installed;
    if ((status.running || foreign) && health.kind === 'ok') return {owners: [], own: []};
    const ports = [
      config?.port ?? options.ports.kubelet,
      config?.healthzPort ?? options.ports.kubeletHealthz,
    ];
    const owners = await portOwners(ports);
    const kubelets = foreign ? owners.filter(({command = ''}) => isKubelet(command)) : [];
    return {owners, own: [...kubelets, {pid: status.pid}].flatMap(({pid}) => pid ?? [])};
  },
  // A port whose holder cannot be seen may be the kubelet's own, in another process namespace.
  judge: ({owners, own}) =>
    judgeOwners(
      owners.filter(({pid}) => pid !== undefined),
      own,
    ),
});

function isKubelet(command: string): boolean {
  return basename(command.split(' ')[0] ?? '') === 'kubelet';
}

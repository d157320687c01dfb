import type {Finding} from '../check.ts';
import {command, type DaemonSight, type NodeContext, nodeCheck} from '../node/context.ts';
import {judgeDaemon, programOf} from '../node/judge-daemon.ts';

export const kubeletService = nodeCheck({
  name: 'KubeletService',
  category: 'kubelet',
  codes: ['ND733', 'ND703'],
  looks: 'asks the service manager for the kubelet’s state and last words',
  after: ['Joined'],
  blames: [
    'DiskRoom',
    'KubeletConfiguration',
    'OtherKubelet',
    'KubeletPort',
    'KubeletKubeconfig',
    'ClientCertificate',
  ],
  observe: (context) => programOf(context, 'kubelet'),
  judge: ({seen, gone}, context) => judgeKubelet(seen, context, gone),
});

export function judgeKubelet(
  seen: DaemonSight,
  context: Pick<NodeContext, 'joined' | 'rootFlag'>,
  gone?: string,
): readonly Finding[] {
  // Kubernetes' own kubelet may be run by anything; its health port tells.
  if (context.joined === 'other' && !seen.status.installed) return [];
  const words = {
    who: 'the kubelet',
    unit: context.joined === 'other' ? 'kubelet' : 'nodectl-kubelet',
    stopped: 'ND733',
    looping: 'ND703',
    restart: command(context, 'restart kubelet'),
    logs: command(context, 'logs kubelet'),
  } as const;
  return judgeDaemon(seen, words, gone);
}

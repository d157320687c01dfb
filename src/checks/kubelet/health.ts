import type {Health} from '../../edges/http/http-health.ts';
import type {Finding} from '../check.ts';
import {command, type DaemonSight, type NodeContext, nodeCheck} from '../node/context.ts';
import {judgeHealth} from '../node/judge-health.ts';
import {judgeKubelet} from './service.ts';

export const kubeletHealth = nodeCheck({
  name: 'KubeletHealth',
  category: 'kubelet',
  codes: ['ND736', 'ND733', 'ND703'],
  looks: 'asks the kubelet’s /healthz',
  after: ['KubeletService'],
  blames: ['DiskRoom', 'ClientCertificate', 'KubeletConfiguration', 'KubeletPort', 'ContainerRuntime'],
  observe: async ({sight}) => ({
    health: await sight.kubeletHealth(),
    daemon: await sight.daemon('kubelet'),
  }),
  judge: ({health, daemon}, context) => judgeKubeletHealth(health, daemon, context),
});

/** On a busy machine its manager may answer too late for the check before: a kubelet that is dead does not run. */
export function judgeKubeletHealth(
  health: Health,
  daemon: DaemonSight,
  context: Pick<NodeContext, 'joined' | 'rootFlag'>,
): readonly Finding[] {
  const dead = health.kind === 'ok' ? [] : judgeKubelet(daemon, context);
  if (dead.length > 0) return dead;
  return judgeHealth(health, daemon, 'the kubelet', command(context, 'logs kubelet'));
}

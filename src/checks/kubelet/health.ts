import {command, nodeCheck} from '../node/context.ts';
import {judgeHealth} from '../node/judge-health.ts';

export const kubeletHealth = nodeCheck({
  name: 'KubeletHealth',
  category: 'kubelet',
  codes: ['ND736'],
  looks: 'asks the kubelet’s /healthz',
  after: ['KubeletService'],
  blames: ['DiskRoom', 'ClientCertificate', 'KubeletConfiguration', 'KubeletPort', 'ContainerRuntime'],
  observe: async ({sight}) => ({
    health: await sight.kubeletHealth(),
    daemon: await sight.daemon('kubelet'),
  }),
  judge: ({health, daemon}, context) =>
    judgeHealth(health, daemon, 'the kubelet', command(context, 'logs kubelet')),
});

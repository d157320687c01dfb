import {warning} from '../check.ts';
import {command, nodeCheck} from '../node/context.ts';

export const supervisor = nodeCheck({
  name: 'Supervisor',
  category: 'kubelet',
  codes: ['ND747'],
  looks: 'asks nodectl’s supervisor whether it is there, where systemd is not PID 1',
  after: ['Joined'],
  blames: ['DiskRoom', 'KubeletService', 'ProxyService', 'ContainerRuntime'],
  observe: ({sight}) => sight.supervised(),
  judge: (there, context) =>
    there
      ? []
      : [warning('ND747', 'nobody restarts the daemons of this node', command(context, 'restart kubelet'))],
});

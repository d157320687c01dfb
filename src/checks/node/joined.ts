import {failure} from '../check.ts';
import {command, nodeCheck} from './context.ts';

export const joined = nodeCheck({
  name: 'Joined',
  category: 'identity',
  codes: ['ND731', 'ND732'],
  looks: 'looks for the journal and kubelet.conf',
  observe: async (context) => context.joined,
  judge: (state, context) => {
    switch (state) {
      case 'yes':
      case 'other':
        return [];
      case 'begun':
        return [
          failure('ND732', 'the join has not finished', 'Run the same nodectl join again: it goes on.'),
        ];
      case 'no':
        return [
          failure(
            'ND731',
            'this machine has not joined a cluster',
            command(context, 'join HOST:PORT --token …'),
            'kubeadm token create --print-join-command on a control plane prints what follows `join`.',
          ),
        ];
    }
  },
});

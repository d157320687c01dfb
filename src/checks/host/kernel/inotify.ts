import {probeInotify} from '../../../edges/machine/limits.ts';
import {failure, hostCheck} from '../../check.ts';

export const inotify = hostCheck({
  name: 'Inotify',
  category: 'host',
  codes: ['ND123'],
  looks: 'tries to watch a file',
  observe: async () => probeInotify(),
  judge: (seen) =>
    seen === 'ok'
      ? []
      : [
          failure(
            'ND123',
            `no inotify ${seen} are left for this user`,
            seen === 'instances'
              ? 'sudo sysctl -w fs.inotify.max_user_instances=8192'
              : 'sudo sysctl -w fs.inotify.max_user_watches=524288',
          ),
        ],
});

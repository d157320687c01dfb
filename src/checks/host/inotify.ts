import {probeInotify} from '../../edges/limits.ts';
import {failure} from '../check.ts';
import {nodeCheck} from '../node/context.ts';

export const inotify = nodeCheck({
  name: 'Inotify',
  category: 'host',
  codes: ['ND123'],
  observe: async () => probeInotify(),
  judge: (seen) =>
    seen === 'ok'
      ? []
      : [
          failure(
            'ND123',
            `no inotify ${seen} are left for this user`,
            seen === 'instances'
              ? 'sysctl -w fs.inotify.max_user_instances=8192'
              : 'sysctl -w fs.inotify.max_user_watches=524288',
          ),
        ],
});

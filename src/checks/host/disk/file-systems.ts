import type {SilentMount} from '../../../edges/mounts/silent-mounts.ts';
import {type Finding, failure, warning} from '../../check.ts';
import {nodeCheck} from '../../node/context.ts';

/**
 * A network file system whose server is gone hangs whoever touches it, for ever. Of the node's own directories it is
 * the root of everything; of a pod's volume, that pod's trouble.
 */
export const fileSystems = nodeCheck({
  name: 'FileSystems',
  category: 'host',
  codes: ['ND116'],
  looks: 'asks each network file system below the node’s directories for an answer within a second',
  async observe({silent, sight}) {
    const volume = silent.find(({holds}) => !holds);
    if (volume === undefined || silent.some(({holds}) => holds)) return {silent, pod: undefined};
    const uid = /\/pods\/([0-9a-f-]{32,36})\//.exec(volume.mountPoint)?.[1];
    const pods = await sight.pods().catch(() => undefined);
    const pod =
      pods?.kind === 'there' ? pods.object.find(({metadata}) => metadata.uid === uid)?.metadata : undefined;
    return {silent, pod: pod === undefined ? undefined : `${pod.namespace}/${pod.name}`};
  },
  judge: ({silent, pod}) => judgeSilent(silent, pod),
});

export function judgeSilent(silent: readonly SilentMount[], pod: string | undefined): readonly Finding[] {
  const [first] = [...silent.filter(({holds}) => holds), ...silent];
  if (first === undefined) return [];
  const {mountPoint, source, fsType, holds} = first;
  const others = silent.length > 1 ? [`and ${silent.length - 1} more`] : [];
  const findmnt = `findmnt ${mountPoint}`;
  if (holds)
    return [
      failure(
        'ND116',
        [`${mountPoint} does not answer: ${source} (${fsType}) hangs`, ...others].join('\n'),
        findmnt,
        `sudo umount --force --lazy ${mountPoint}, when who serves it is gone for good.`,
      ),
    ];
  const whose = pod === undefined ? 'a volume' : `a volume of ${pod}`;
  return [
    warning(
      'ND116',
      [`${whose} does not answer: ${source} (${fsType}) hangs`, mountPoint, ...others].join('\n'),
      `Look whether who serves ${source} is up and reached from this node.`,
      findmnt,
    ),
  ];
}

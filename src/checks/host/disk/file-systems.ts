import type {NodeOptions} from '../../../config/join.ts';
import type {SilentMount} from '../../../edges/mounts/silent-mounts.ts';
import {type AnyCheck, type Finding, failure, warning} from '../../check.ts';
import type {CheckResult} from '../../graph.ts';
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

/** A file system that is well answers in milliseconds, and one across an ocean too. */
export const silentMs = 1000;

/** What a node's own work touches. */
export function nodeDirectories(layout: NodeOptions['layout']): string[] {
  const {kubeletDir, containerdRoot, stateDir, podLogDir, kubernetesDir, cniConfDir, logDir} = layout;
  return [kubeletDir, containerdRoot, stateDir, podLogDir, kubernetesDir, cniConfDir, logDir];
}

/** Whatever looks below a file system that hangs would hang too, and with it the end of this process. */
export function skippedFor(
  silent: readonly SilentMount[],
  catalogue: readonly Pick<AnyCheck, 'name' | 'category'>[],
): CheckResult[] {
  const {name, category} = fileSystems;
  const because = {because: name, code: 'ND116'} as const;
  const others = catalogue.filter((one) => one.name !== name);
  return [
    {name, category, state: 'found', findings: judgeSilent(silent, undefined)},
    ...others.map(
      (one): CheckResult => ({name: one.name, category: one.category, state: 'skipped', ...because}),
    ),
  ];
}

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

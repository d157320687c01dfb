import {conflistName} from '../../config/runtime/cni.ts';
import {listDirectory} from '../../edges/files/files.ts';
import {type Finding, failure, warning} from '../check.ts';
import {nodeCheck} from '../node/context.ts';

/** go-cni reads *.conf, *.conflist and *.json of the directory. */
export const cniConfig = nodeCheck({
  name: 'CNIConfig',
  category: 'runtime',
  codes: ['ND705', 'ND519'],
  looks: 'lists the CNI configuration directory',
  after: ['Joined'],
  async observe({options: {layout}}) {
    const names = await listDirectory(layout.cniConfDir);
    return {dir: layout.cniConfDir, found: names.filter((name) => /\.(conf|conflist|json)$/.test(name))};
  },
  judge: ({dir, found}, {sandbox}) =>
    found.length > 0
      ? judgeOrder(found, dir)
      : [
          failure(
            'ND705',
            `no CNI configuration in ${dir}`,
            sandbox
              ? 'sudo nodectl sandbox up'
              : 'Install the cluster’s network add-on, or join again with --cni bridge.',
          ),
        ],
});

/** Of several files containerd takes the first by name: pods that run already keep the network of the other. */
export function judgeOrder(sorted: readonly string[], dir: string): readonly Finding[] {
  const [first = ''] = sorted;
  if (first === conflistName || !sorted.includes(conflistName)) return [];
  return [
    warning(
      'ND519',
      `new pods get the network of ${first}, not the one of ${conflistName}`,
      `ls ${dir}, and remove the one that is not this node’s`,
    ),
  ];
}

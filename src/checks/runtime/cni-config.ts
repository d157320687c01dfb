import {listDirectory} from '../../edges/files/files.ts';
import {failure} from '../check.ts';
import {nodeCheck} from '../node/context.ts';

/** go-cni reads *.conf, *.conflist and *.json of the directory. */
export const cniConfig = nodeCheck({
  name: 'CNIConfig',
  category: 'runtime',
  codes: ['ND705'],
  looks: 'lists the CNI configuration directory',
  after: ['Joined'],
  async observe({options: {layout}}) {
    const names = await listDirectory(layout.cniConfDir);
    return {dir: layout.cniConfDir, found: names.filter((name) => /\.(conf|conflist|json)$/.test(name))};
  },
  judge: ({dir, found}, {sandbox}) =>
    found.length > 0
      ? []
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

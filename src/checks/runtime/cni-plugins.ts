import {join} from 'node:path';
import {pluginTypes} from '../../config/runtime/cni.ts';
import {listDirectory, readText} from '../../edges/files/files.ts';
import {failure} from '../check.ts';
import {nodeCheck} from '../node/context.ts';

/** containerd reads the first configuration by name, and looks for the plugins' programs only when a pod starts. */
export const cniPlugins = nodeCheck({
  name: 'CNIPlugins',
  category: 'runtime',
  codes: ['ND504'],
  looks: 'looks for the programs that the CNI configuration names',
  after: ['CNIConfig'],
  async observe({options: {layout}}) {
    const names = await listDirectory(layout.cniConfDir);
    const first = names.find((name) => /\.(conf|conflist|json)$/.test(name));
    const text = first === undefined ? undefined : await readText(join(layout.cniConfDir, first));
    const programs = (await Promise.all(layout.cniBinDirs.map(listDirectory))).flat();
    return {
      file: join(layout.cniConfDir, first ?? ''),
      missing: pluginTypes(text ?? '').filter((type) => !programs.includes(type)),
      dirs: layout.cniBinDirs,
    };
  },
  judge: ({file, missing, dirs}) =>
    missing.length === 0
      ? []
      : [
          failure(
            'ND504',
            `the CNI plugin ${missing.join(', ')} is not installed\n${file} names it; looked in ${dirs.join(', ')}`,
            'sudo apt-get install containernetworking-plugins',
          ),
        ],
});

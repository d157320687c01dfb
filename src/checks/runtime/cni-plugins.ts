import {join} from 'node:path';
import {pluginTypes} from '../../config/runtime/cni.ts';
import {exists, listDirectory, readText} from '../../edges/files/files.ts';
import {isExecutable} from '../../edges/install/packages.ts';
import {type Finding, failure} from '../check.ts';
import {nodeCheck} from '../node/context.ts';

/** containerd reads the first configuration by name, and looks for the plugins' programs only when a pod starts. */
export const cniPlugins = nodeCheck({
  name: 'CNIPlugins',
  category: 'runtime',
  codes: ['ND504'],
  looks: 'looks for the programs that the CNI configuration names',
  after: ['CNIConfig'],
  async observe({options: {layout}, sight}) {
    const names = await listDirectory(layout.cniConfDir);
    const first = names.find((name) => /\.(conf|conflist|json)$/.test(name));
    const text = first === undefined ? undefined : await readText(join(layout.cniConfDir, first));
    const types = pluginTypes(text ?? '');
    const runtime = await sight.runtime();
    const dirs = (runtime.kind === 'answers' ? runtime.cniBinDirs : undefined) ?? layout.cniBinDirs;
    return {
      file: join(layout.cniConfDir, first ?? ''),
      plugins: await Promise.all(types.map((type) => findPlugin(type, dirs))),
      dirs,
    };
  },
  judge: ({file, plugins, dirs}) => judgePlugins(plugins, file, dirs),
});

/** `path` is the file of that name when there is one, whether or not it can be run. */
type Plugin = {readonly type: string; readonly path: string | undefined; readonly runs: boolean};

async function findPlugin(type: string, dirs: readonly string[]): Promise<Plugin> {
  let path: string | undefined;
  for (const dir of dirs) {
    const at = join(dir, type);
    if (!(await exists(at))) continue;
    if (await isExecutable(at)) return {type, path: at, runs: true};
    path ??= at;
  }
  return {type, path, runs: false};
}

export function judgePlugins(
  plugins: readonly Plugin[],
  file: string,
  dirs: readonly string[],
): readonly Finding[] {
  const missing = plugins.filter(({path}) => path === undefined).map(({type}) => type);
  if (missing.length > 0)
    return [
      failure(
        'ND504',
        `the CNI plugin ${missing.join(', ')} is not installed\n${file} names it; looked in ${dirs.join(', ')}`,
        'sudo apt-get install containernetworking-plugins',
      ),
    ];
  const dead = plugins.find(({runs}) => !runs);
  return dead === undefined
    ? []
    : [
        failure(
          'ND504',
          `the CNI plugin ${dead.type} cannot be executed`,
          `sudo chmod 755 ${dead.path ?? ''}`,
        ),
      ];
}

import {conflistName} from '../../config/runtime/cni.ts';
import {listDirectory, readText} from '../../edges/files/files.ts';
import {describeError} from '../../lib/errors.ts';
import {type Finding, failure, warning} from '../check.ts';
import {nodeCheck} from '../node/context.ts';

/** go-cni reads *.conf, *.conflist and *.json of the directory. */
export const cniConfig = nodeCheck({
  name: 'CNIConfig',
  category: 'runtime',
  codes: ['ND705', 'ND509', 'ND519'],
  looks: 'lists the CNI configuration directory and reads what is first in it',
  after: ['Joined'],
  async observe({options: {layout}}) {
    const dir = layout.cniConfDir;
    const found = (await listDirectory(dir)).filter((name) => /\.(conf|conflist|json)$/.test(name));
    const [first] = found;
    const text = first === undefined ? undefined : await readText(`${dir}/${first}`);
    return {dir, found, problem: text === undefined ? undefined : configProblem(first ?? '', text)};
  },
  judge: ({dir, found, problem}, {sandbox}) => {
    const [first] = found;
    if (first === undefined)
      return [
        failure(
          'ND705',
          `no CNI configuration in ${dir}`,
          sandbox
            ? 'sudo nodectl sandbox up'
            : 'Install the cluster’s network add-on, or join again with --cni bridge.',
        ),
      ];
    if (problem === undefined) return judgeOrder(found, dir);
    const path = `${dir}/${first}`;
    return [
      failure(
        'ND509',
        `pods get no network: ${path} ${problem}`,
        `cat ${path}`,
        first === conflistName
          ? 'sudo nodectl reset, then join again: it writes the file anew.'
          : 'Restart the pod of the network add-on that writes it, or move it away.',
      ),
    ];
  },
});

/** What keeps libcni from reading a file; containerd goes no further than the first that it cannot read. */
export function configProblem(name: string, text: string): string | undefined {
  if (text.trim() === '') return 'is empty';
  try {
    const config: unknown = JSON.parse(text);
    if (typeof config !== 'object' || config === null) return 'is no CNI configuration';
    const plugins = 'plugins' in config ? config.plugins : undefined;
    const none = !Array.isArray(plugins) || plugins.length === 0;
    return name.endsWith('.conflist') && none ? 'names no plugins' : undefined;
  } catch (error) {
    return `is not valid JSON: ${describeError(error)}`;
  }
}

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

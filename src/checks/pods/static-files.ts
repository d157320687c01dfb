import {parseStaticPod} from '../../config/pod/static-pod.ts';
import {errno, readText, regularFiles} from '../../edges/files/files.ts';
import {describeError} from '../../lib/errors.ts';
import {type Finding, warning} from '../check.ts';
import {nodeCheck} from '../node/context.ts';

type Bad = {readonly path: string; readonly why: string};

/** A file that is no pod is only a line in the kubelet's log; its pod is simply not there. */
export const staticFiles = nodeCheck({
  name: 'StaticPods',
  category: 'pods',
  codes: ['ND759'],
  looks: 'reads the files of staticPodPath as the kubelet does',
  after: ['Joined'],
  async observe({sight}) {
    const config = await sight.kubeletConfig().catch(() => undefined);
    const place = config?.staticPodPath ?? '';
    if (place === '') return [];
    const paths = await regularFiles(place).catch(() => []);
    return (await Promise.all(paths.map(problemOf))).flat();
  },
  judge: judgeStatic,
});

async function problemOf(path: string): Promise<Bad[]> {
  try {
    const text = await readText(path);
    if (text !== undefined) parseStaticPod(text, path, 'node', '');
    return [];
  } catch (error) {
    if (errno(error) === 'EACCES') return [];
    return [{path, why: describeError(error)}];
  }
}

export function judgeStatic(bad: readonly Bad[]): readonly Finding[] {
  const [first] = bad;
  if (first === undefined) return [];
  const what =
    bad.length === 1
      ? `${first.path} is no pod: it is not started`
      : `${bad.length} files of static pods are no pods, ${first.path} among them`;
  return [warning('ND759', `${what}\n${first.why.split('\n')[0]}`, `sudoedit ${first.path}`)];
}

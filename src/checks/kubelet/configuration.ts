import {kubeletPaths} from '../../config/kubelet-files.ts';
import {readText} from '../../edges/files/files.ts';
import {describeError, isNodectlError} from '../../lib/errors.ts';
import {failure} from '../check.ts';
import {command, nodeCheck} from '../node/context.ts';

/** Who calls this kubelet is known by these CAs; without the file it does not start again. */
async function clientCaProblem(path: string | undefined): Promise<string | undefined> {
  if (path === undefined || path === '') return undefined;
  const text = await readText(path);
  if (text === undefined) return `authentication.x509.clientCAFile: ${path} is not there`;
  if (text.trim() === '') return `authentication.x509.clientCAFile: ${path} is empty`;
  return undefined;
}

/** A kubelet reads its configuration when it starts: a mistake made later waits for the next start. */
export const kubeletConfiguration = nodeCheck({
  name: 'KubeletConfiguration',
  category: 'kubelet',
  codes: ['ND701'],
  looks: 'reads the kubelet’s configuration as the kubelet does',
  after: ['Joined'],
  async observe({sight, joined, options}) {
    // Kubernetes' own kubelet may know more fields than ours.
    if (joined === 'other') return undefined;
    const {config} = kubeletPaths(options);
    const text = await readText(config);
    if (text === undefined) return `${config} is not there`;
    // Its defaults would be another node's configuration: kubelets refuse a file that says nothing.
    if (text.trim() === '') return `${config} is empty`;
    try {
      return await clientCaProblem((await sight.kubeletConfig()).authentication.x509.clientCAFile);
    } catch (error) {
      if (isNodectlError(error, 'ND701')) return describeError(error);
      throw error;
    }
  },
  judge: (problem, context) =>
    problem === undefined
      ? []
      : [
          failure(
            'ND701',
            `the kubelet’s configuration is not valid\n${problem}`,
            / is (not there|empty)$/.test(problem)
              ? 'Run the same nodectl join again: it writes the file.'
              : `Correct the named field, then ${command(context, 'restart kubelet')}`,
          ),
        ],
});

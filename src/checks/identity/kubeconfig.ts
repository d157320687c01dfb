import {kubeletPaths} from '../../config/kubelet-files.ts';
import {describeError, isNodectlError} from '../../lib/errors.ts';
import {failure} from '../check.ts';
import {nodeCheck} from '../node/context.ts';

/** How the node reaches its cluster, and as whom. */
export const kubeconfig = nodeCheck({
  name: 'KubeletKubeconfig',
  category: 'identity',
  codes: ['ND303', 'ND722'],
  looks: 'reads kubelet.conf',
  after: ['Joined'],
  async observe({sight, options, machine}) {
    const path = kubeletPaths(options).kubeconfig;
    try {
      const {credentials} = await sight.connection();
      return {path, anonymous: credentials.kind === 'anonymous'};
    } catch (error) {
      if (machine.root && isNodectlError(error, 'ND303')) return {path, problem: describeError(error)};
      throw error;
    }
  },
  judge: ({path, problem, anonymous}) => {
    if (problem !== undefined)
      return [failure('ND303', `kubelet.conf cannot be used\n${problem}`, adviceFor(problem, path))];
    return anonymous === true ? [failure('ND722', `${path} has no credentials`)] : [];
  },
});

function adviceFor(problem: string, path: string): string {
  return problem.includes('ENOENT')
    ? 'Run the same nodectl join again, with a fresh token: it makes what is missing.'
    : `ls -lL ${path}`;
}

import {failure} from '../check.ts';
import {command, nodeCheck} from '../node/context.ts';

/** A pod of our own, asked for by `--probe`. */
export const probeSandbox = nodeCheck({
  name: 'ProbeSandbox',
  category: 'runtime',
  codes: ['ND513'],
  looks: 'starts a pod sandbox through the CRI socket (--probe)',
  after: ['ContainerRuntime', 'RuntimeReady', 'CgroupDriver', 'CNIConfig', 'CNIPlugins', 'PodNetwork'],
  observe: ({sight}) => sight.probe(),
  judge: (seen, context) =>
    seen.kind === 'ran'
      ? []
      : [failure('ND513', `a test pod does not start\n${seen.detail}`, command(context, 'logs containerd'))],
});

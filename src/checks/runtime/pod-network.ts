import {nodeCheck} from '../node/context.ts';
import {notTrue} from './ready.ts';

export const podNetwork = nodeCheck({
  name: 'PodNetwork',
  category: 'runtime',
  codes: ['ND509'],
  looks: 'reads NetworkReady of the runtime',
  after: ['ContainerRuntime', 'CNIConfig'],
  observe: ({sight}) => sight.runtime(),
  judge: (seen) => (seen.kind === 'answers' ? notTrue(seen.conditions, 'NetworkReady', 'ND509') : []),
});

// A kubelet that can be killed: KUBECONFIG CONFIG(JSON) → runs the pods until its end; `ready` when all was read once.
import {realClock} from '../../../src/edges/clock.ts';
import {connectCri} from '../../../src/edges/cri/client.ts';
import {loadKubeconfig} from '../../../src/edges/kube/connection.ts';
import {startEventRecorder} from '../../../src/edges/kube/events.ts';
import {connectKube} from '../../../src/edges/kube/http-client.ts';
import {jsonLogger} from '../../../src/edges/logs/log.ts';
import {startPodAgent} from '../../../src/kubelet/agent/agent.ts';

const [kubeconfig = '', text = '{}'] = process.argv.slice(2);
const {config, node} = JSON.parse(text);
const log = jsonLogger('kubelet', 'info');
const client = connectKube(await loadKubeconfig(kubeconfig));
const recorder = startEventRecorder({
  client,
  clock: realClock,
  log,
  component: 'kubelet',
  host: node.metadata.name,
});
const agent = await startPodAgent({
  client,
  cri: connectCri(config.containerRuntimeEndpoint),
  nodeName: node.metadata.name,
  nodeIps: () => ['192.0.2.1'],
  node: () => node,
  allocatable: () => node.status.allocatable,
  config,
  recorder,
  services: {services: () => [], hasSynced: () => true},
  clock: realClock,
  log,
  startsAtOnce: 4,
});
await agent.synced;
process.stdout.write('ready\n');

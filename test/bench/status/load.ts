// Run by node in a machine's network: fills its API server with Services that have endpoints.
import {loadKubeconfig} from '../../../src/edges/kube/connection.ts';
import {connectKube} from '../../../src/edges/kube/http-client.ts';
import {endpointSlices, services} from '../../../src/lib/resources.ts';

const [kubeconfig = '', count = '0'] = process.argv.slice(2);
const atOnce = 40;
const client = connectKube(await loadKubeconfig(kubeconfig));

async function create(i: number): Promise<void> {
  const metadata = {name: `load-${i}`, namespace: 'default'};
  const ports = [{name: 'http', port: 80, protocol: 'TCP'}];
  await client.create(services, {metadata, spec: {ports}});
  await client.create(endpointSlices, {
    metadata: {...metadata, labels: {'kubernetes.io/service-name': metadata.name}},
    addressType: 'IPv4',
    ports: [{name: 'http', port: 8080, protocol: 'TCP'}],
    endpoints: [{addresses: ['10.244.9.1'], conditions: {ready: true}}],
  });
}

let next = 0;
await Promise.all(
  Array.from({length: atOnce}, async () => {
    while (next < Number(count)) await create(next++);
  }),
);
await client.close();

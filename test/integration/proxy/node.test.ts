import {afterEach, beforeEach, expect, it} from 'vitest';
import type {Node} from '../../../src/lib/kubernetes.ts';
import {node, service, slice} from '../../unit/proxy/support/objects.ts';
import {createNetns, type Netns} from '../support/netns.ts';
import {RunningProxy, StubApi} from './support/running.ts';

const bound = {timeout: 60_000, interval: 50};

let netns: Netns;
let api: StubApi;
let proxy: RunningProxy;

beforeEach(async () => {
  netns = await createNetns('ndp');
  api = await StubApi.start(netns);
  await api.put('nodes', ours('10.64.1.0/24'));
  await api.put('services', web);
  await api.put('endpointslices', endpoints('10.64.1.1'));
  const configuration = ['detectLocalMode: NodeCIDR'];
  proxy = await RunningProxy.start({netns, apiPort: api.port, configuration});
});

afterEach(async ({task}) => {
  if (task.result?.state === 'fail') console.log(proxy?.log.slice(-4000));
  await proxy?.stop();
  await api?.stop();
  await netns?.remove();
});

const web = service('a/web', {
  type: 'NodePort',
  clusterIP: '10.96.0.7',
  ports: [{name: 'p', protocol: 'TCP', port: 80, nodePort: 30_080}],
});

function ours(podCIDR: string): Node {
  return {...node('here', ['192.168.0.2'], 'z1'), spec: {podCIDR, podCIDRs: [podCIDR]}};
}

/** One of each zone, so that a zone that is not known any more would be seen. */
function endpoints(near: string) {
  return slice({
    service: 'a/web',
    ports: [{name: 'p', port: 8080}],
    endpoints: [
      {ip: near, zones: ['z1']},
      {ip: '10.64.9.9', zones: ['z2']},
    ],
  });
}

async function list(...what: string[]): Promise<string> {
  return (await netns.run('nft', ['list', ...what], {okCodes: [0, 1]})).stdout;
}

async function served(): Promise<string[]> {
  const text = await list('map', 'ip', 'nodectl-proxy', 'service-cluster-tcp');
  return [...text.matchAll(/: (\S+) \. 8080/g)].map(([, ip = '']) => ip);
}

it('goes on with what it knows of its Node when that is deleted, but is no more for load balancers', async () => {
  await expect.poll(served, bound).toEqual(['10.64.1.1']);
  await api.delete('nodes', ours(''));
  await expect.poll(async () => (await proxy.get('/healthz')).stdout, bound).toMatch(/^503 /);
  await api.put('endpointslices', endpoints('10.64.1.2'));
  await expect.poll(served, bound).toEqual(['10.64.1.2']);
  expect(await list('set', 'ip', 'nodectl-proxy', 'nodeport-ips')).toContain('192.168.0.2');
  expect(await list('chain', 'ip', 'nodectl-proxy', 'dispatch')).toContain('10.64.1.0/24');
  // It is made again, before its ranges are known.
  await api.put('nodes', node('here', ['192.168.0.3'], 'z1'));
  await expect.poll(async () => (await proxy.get('/healthz')).stdout, bound).toMatch(/^200 /);
  await expect.poll(() => list('set', 'ip', 'nodectl-proxy', 'nodeport-ips'), bound).toContain('192.168.0.3');
  await api.put('nodes', ours('10.64.3.0/24'));
  await expect.poll(() => list('chain', 'ip', 'nodectl-proxy', 'dispatch'), bound).toContain('10.64.3.0/24');
  await api.put('endpointslices', endpoints('10.64.1.3'));
  await expect.poll(served, bound).toEqual(['10.64.1.3']);
});

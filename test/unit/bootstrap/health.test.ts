import {expect, it} from 'vitest';
import {judgeHealth, type SeenHealth} from '../../../src/bootstrap/status/health.ts';

const up = {installed: true, enabled: true, running: true, restarting: false, restarts: 0};
const seen: SeenHealth = {
  kubelet: up,
  kubeletHealthy: true,
  proxy: {...up, installed: false, enabled: false, running: false},
  proxyHealthy: false,
  notReady: undefined,
};

it.each<[string, Partial<SeenHealth>, string | undefined]>([
  ['all is well, without a proxy too', {}, undefined],
  [
    'a kubelet that ended',
    {kubelet: {...up, running: false, lastExit: 'exit 1'}},
    'the kubelet does not run (exit 1)',
  ],
  ['a kubelet that answers no', {kubeletHealthy: false}, 'the kubelet is not healthy'],
  ['a proxy that was wanted', {proxy: {...up, running: false}}, 'the proxy does not run'],
  ['a node that is not Ready', {notReady: 'no network'}, 'the node is not Ready: no network'],
])('%s', (_, change, ill) => {
  expect(judgeHealth({...seen, ...change})).toBe(ill);
});

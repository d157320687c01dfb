import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {isReady, sleeper, startNode, statusOf, type TestNode} from './harness.ts';

let node: TestNode;
beforeAll(async () => {
  node = await startNode({subnet: '10.89.8.0/24'});
}, 60_000);
afterAll(async () => {
  await node?.stop();
});

describe('a pod', () => {
  it('becomes Ready with an address, and goes without a trace', async () => {
    await node.create('one', {containers: [sleeper('main')], terminationGracePeriodSeconds: 5});
    const pod = await node.waitFor('one', 'Ready', isReady);
    expect(pod.status?.phase).toBe('Running');
    expect(pod.status?.podIP).toMatch(/^10\.89\.8\./);
    expect(pod.status?.hostIP).toBe('192.0.2.1');
    expect(statusOf(pod, 'main')).toMatchObject({ready: true, started: true, restartCount: 0});
    await node.remove('one');
    await node.gone('one');
  });
});

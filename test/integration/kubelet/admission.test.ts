import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {events, nodes} from '../../../src/lib/resources.ts';
import {until} from '../support/wait.ts';
import {condition, isReady, nodeName, sleeper, startNode, type TestNode} from './harness.ts';

let node: TestNode;
beforeAll(async () => {
  node = await startNode({subnet: '10.89.12.0/24'});
}, 60_000);
afterAll(async () => {
  await node?.stop();
});

const asking = (cpu: string) => ({
  terminationGracePeriodSeconds: 1,
  containers: [sleeper('main', {resources: {requests: {cpu}}})],
});

describe('admission', () => {
  it('refuses a pod for which there is no room, and tells why', async () => {
    await node.create('first', {...asking('1500m'), terminationGracePeriodSeconds: 30});
    await node.waitFor('first', 'Ready', isReady);
    await node.create('second', asking('600m'));
    const pod = await node.waitFor('second', 'Failed', (p) => p.status?.phase === 'Failed');
    const words = "Node didn't have enough resource: cpu, requested: 600, used: 1500, capacity: 2000";
    expect(pod.status).toMatchObject({reason: 'OutOfcpu', message: `Pod was rejected: ${words}`});
    expect(pod.status?.containerStatuses ?? []).toEqual([]);
    await until('the event', async () => {
      const {items} = await node.sandbox.client.list(events, {namespace: 'default'});
      return items.some(
        (e) =>
          e.reason === 'OutOfcpu' && e.message === `${words} (nodectl explain ND758)` && e.type === 'Warning',
      );
    });
    await node.remove('second', 0);
    await node.gone('second');
  });

  it('refuses nothing that ran before it was restarted', async () => {
    await node.create('bound', {...asking('100m'), nodeName: 'node-1'});
    const before = await node.waitFor('bound', 'Ready', isReady);
    await node.restart();
    await node.create('third', asking('600m'));
    await node.waitFor('third', 'Failed', (p) => p.status?.reason === 'OutOfcpu');
    const after = await node.get('bound');
    expect(after?.status?.phase).toBe('Running');
    expect(after?.status?.containerStatuses?.[0]?.containerID).toBe(
      before.status?.containerStatuses?.[0]?.containerID,
    );
    await node.remove('third', 0);
    await node.remove('bound');
    await node.gone('bound');
  });

  it('ends a pod so that a critical one can run', async () => {
    await node.create('critical', {...asking('1'), priorityClassName: 'system-node-critical'});
    await node.waitFor('critical', 'Ready', isReady);
    // It ended well, though it was made to go.
    const first = await node.waitFor('first', 'Succeeded', (p) => p.status?.phase === 'Succeeded');
    expect(first.status?.reason).toBeUndefined();
    expect(condition(first, 'DisruptionTarget')).toBe('True');
    await until('the event', async () => {
      const {items} = await node.sandbox.client.list(events, {namespace: 'default'});
      return items.some(
        ({reason, type, message = '', involvedObject}) =>
          [
            reason,
            type,
            involvedObject.name,
            message.startsWith('Preempted in order to admit critical pod'),
          ].join() === 'Preempting,Warning,first,true',
      );
    });
  });
});

describe('a Node that has changed', () => {
  it('is read anew before a pod is refused for its labels', async () => {
    const {client} = node.sandbox;
    await client.create(nodes, {metadata: {name: nodeName, labels: {zone: 'new'}}});
    await client.patch(
      nodes,
      {name: nodeName, subresource: 'status'},
      {type: 'merge', body: {status: {allocatable: {cpu: '2', memory: '4Gi', pods: '110'}}}},
    );
    const spec = {terminationGracePeriodSeconds: 1, containers: [sleeper('main')]};
    await node.create('labelled', {...spec, nodeSelector: {zone: 'new'}});
    await node.waitFor('labelled', 'Ready', isReady);
    await node.create('elsewhere', {...spec, nodeSelector: {zone: 'other'}});
    const pod = await node.waitFor('elsewhere', 'Failed', (p) => p.status?.phase === 'Failed');
    expect(pod.status).toMatchObject({
      reason: 'NodeAffinity',
      message:
        "Pod was rejected: Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
    });
  });
});

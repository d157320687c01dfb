import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {events, pods, runtimeClasses} from '../../../src/lib/resources.ts';
import {until} from '../support/wait.ts';
import {isReady, nodeName, sleeper, startNode, type TestNode} from './harness.ts';

let node: TestNode;
beforeAll(async () => {
  node = await startNode({subnet: '10.89.14.0/24'});
}, 60_000);
afterAll(async () => {
  await node?.stop();
});

const spec = {terminationGracePeriodSeconds: 1, containers: [sleeper('main')], runtimeClassName: 'own'};
const createClass = () =>
  node.sandbox.client.create(runtimeClasses, {
    metadata: {name: 'own'},
    handler: 'runc',
    overhead: {podFixed: {cpu: '250m', memory: '16Mi'}},
  });

describe('a pod with a RuntimeClass', () => {
  it('runs with its handler, and is charged its overhead', async () => {
    await createClass();
    await node.create('classy', spec);
    const pod = await node.waitFor('classy', 'Ready', isReady);
    expect(pod.spec.overhead).toEqual({cpu: '250m', memory: '16Mi'});
    const {items} = await node.containerd.cri.runtime.listPodSandbox({});
    expect(items.map(({runtimeHandler}) => runtimeHandler)).toEqual(['runc']);
    expect(node.agent().allocated()).toMatchObject({cpuMilli: 250, memoryBytes: 16 * 1024 * 1024});
    await node.remove('classy');
    await node.gone('classy');
  });

  it('waits for a class that is not there, says so, and starts when it comes', async () => {
    const {client} = node.sandbox;
    const {nodeName: _, ...unbound} = {...spec, nodeName};
    await node.create('waits', {...unbound, nodeName: ''});
    await client.delete(runtimeClasses, {name: 'own'});
    await client.create(
      pods,
      {metadata: {name: 'waits'}, target: {kind: 'Node', name: nodeName}},
      {namespace: 'default', name: 'waits', subresource: 'binding'},
    );
    const words = 'Failed to create pod sandbox: runtimeclass.node.k8s.io "own" not found';
    await until('the event', async () => {
      const {items} = await client.list(events, {namespace: 'default'});
      return items.some(
        (e) => e.reason === 'FailedCreatePodSandBox' && e.message === `${words} (nodectl explain ND751)`,
      );
    });
    expect((await node.get('waits'))?.status?.phase).toBe('Pending');
    await createClass();
    await node.waitFor('waits', 'Ready', isReady);
    await node.remove('waits');
    await node.gone('waits');
  });
});

import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {pods} from '../../../src/lib/resources.ts';
import {until} from '../support/wait.ts';
import {isReady, sleeper, startNode, statusOf, type TestNode} from './harness.ts';

let node: TestNode;
beforeAll(async () => {
  node = await startNode({subnet: '10.89.12.0/24'});
}, 60_000);
afterAll(async () => {
  await node?.stop();
});

const spec = {terminationGracePeriodSeconds: 2, containers: [sleeper('main')]};
const names = (word: string, count: number) => Array.from({length: count}, (_, at) => `${word}-${at}`);

async function inRuntime() {
  const {items} = await node.containerd.cri.runtime.listPodSandbox({});
  const {containers} = await node.containerd.cri.runtime.listContainers({});
  return {sandboxes: items.length, containers: containers.length};
}

describe('many pods', () => {
  it('start while the kubelet is started again and again, each in one sandbox, with no restart', async () => {
    const all = names('storm', 20);
    await Promise.all(all.map((name) => node.create(name, spec)));
    // Each restart falls into the middle of the starts: sandboxes half made, containers not started yet.
    for (let round = 0; round < 4; round++) {
      const wanted = (round + 1) * 3;
      await until('some are Ready', async () => {
        const {items} = await node.sandbox.client.list(pods, {namespace: 'default'});
        return items.filter(isReady).length >= wanted;
      });
      await node.restart();
    }
    for (const name of all) {
      const pod = await node.waitFor(name, 'Ready', isReady, 60_000);
      expect(statusOf(pod, 'main')?.restartCount).toBe(0);
    }
    const running = async () => {
      const {items} = await node.containerd.cri.runtime.listPodSandbox({
        filter: {state: {state: 0}},
      });
      return items.length;
    };
    expect(await running()).toBe(all.length);
    await Promise.all(all.map((name) => node.remove(name)));
    for (const name of all) await node.gone(name);
    await until('the runtime is empty', async () => {
      const left = await inRuntime();
      return left.sandboxes === 0 && left.containers === 0;
    });
  });

  it('that are deleted while they are being made leave nothing', async () => {
    const all = names('brief', 16);
    await Promise.all(all.map((name) => node.create(name, spec)));
    const gone = all.map(async (name, at) => {
      if (at % 2 === 0)
        await until('it has begun', () => node.agent().sandboxId('default', name) !== undefined);
      await node.remove(name, at % 3 === 0 ? 0 : undefined);
      await node.gone(name);
    });
    await Promise.all(gone);
    await until('the runtime is empty', async () => {
      const left = await inRuntime();
      return left.sandboxes === 0 && left.containers === 0;
    });
    const {stdout} = await node.containerd.netns.run('ip', ['-o', 'link', 'show', 'type', 'veth']);
    expect(stdout.trim()).toBe('');
  });

  it('may have the names of others that are still ending', async () => {
    await node.create('name', spec);
    const first = await node.waitFor('name', 'Ready', isReady);
    await node.remove('name', 0);
    await node.gone('name');
    await node.create('name', spec);
    const second = await node.waitFor('name', 'Ready', isReady);
    expect(second.metadata.uid).not.toBe(first.metadata.uid);
    expect(statusOf(second, 'main')?.restartCount).toBe(0);
  });
});

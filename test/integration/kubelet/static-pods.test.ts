import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {nodes} from '../../../src/lib/resources.ts';
import {until} from '../support/wait.ts';
import {isReady, nodeName, sleeper, startNode, type TestNode} from './harness.ts';

let node: TestNode;
let manifests: string;
beforeAll(async () => {
  const base = await mkdtemp(join(tmpdir(), 'nodectl-test-manifests-'));
  manifests = join(base, 'manifests');
  await mkdir(manifests);
  node = await startNode({subnet: '10.89.11.0/24', config: {staticPodPath: manifests}});
  await node.sandbox.client.create(nodes, {metadata: {name: nodeName}});
}, 60_000);
afterAll(async () => {
  await node?.stop();
  await rm(join(manifests, '..'), {recursive: true, force: true});
});

const name = `web-${nodeName}`;
const write = (note: string) =>
  writeFile(
    join(manifests, 'web.json'),
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {name: 'web', annotations: {note}},
      spec: {terminationGracePeriodSeconds: 1, containers: [sleeper('main')]},
    }),
  );

describe('a static pod', () => {
  it('runs, and is seen in the API with its status', async () => {
    await write('one');
    const mirror = await node.waitFor(name, 'Ready', isReady);
    expect(mirror.metadata.annotations?.['kubernetes.io/config.mirror']).toBeDefined();
    expect(mirror.metadata.ownerReferences?.[0]).toMatchObject({kind: 'Node', name: nodeName});
  });

  it('keeps running when its mirror is deleted, and has a new one', async () => {
    const before = await node.get(name);
    const id = node.agent().containerId('default', name, 'main');
    await node.remove(name, 0);
    const after = await node.waitFor(
      name,
      'Ready again',
      (p) => isReady(p) && p.metadata.uid !== before?.metadata.uid,
    );
    expect(after).toBeDefined();
    expect(node.agent().containerId('default', name, 'main')).toBe(id);
  });

  it('is replaced when its file changes, after the old one has ended', async () => {
    const id = node.agent().containerId('default', name, 'main');
    await write('two');
    await node.waitFor(
      name,
      'Ready with the change',
      (p) => isReady(p) && p.metadata.annotations?.note === 'two',
    );
    await until('another container', () => {
      const now = node.agent().containerId('default', name, 'main');
      return now !== undefined && now !== id;
    });
    const {items} = await node.containerd.cri.runtime.listPodSandbox({});
    expect(items.length).toBe(1);
  });

  it('goes with its file', async () => {
    await rm(join(manifests, 'web.json'));
    await node.gone(name);
    await until('nothing is left in the runtime', async () => {
      return (await node.containerd.cri.runtime.listPodSandbox({})).items.length === 0;
    });
  });
});

import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {type PlainServer, servePlain} from '../../../src/edges/http/plain-http.ts';
import {nodes} from '../../../src/lib/resources.ts';
import {until} from '../support/wait.ts';
import {isReady, nodeName, sleeper, startNode, type TestNode} from './harness.ts';

let node: TestNode;
let manifests: string;
let server: PlainServer;
let answer = '';
beforeAll(async () => {
  const base = await mkdtemp(join(tmpdir(), 'nodectl-test-manifests-'));
  manifests = join(base, 'manifests');
  await mkdir(manifests);
  server = await servePlain({
    host: '127.0.0.1',
    port: 0,
    answer: (path) => (path === '/pods' ? {code: 200, body: answer} : undefined),
  });
  const config = {
    staticPodPath: manifests,
    staticPodURL: `http://127.0.0.1:${server.port}/pods`,
    httpCheckFrequency: 200,
  };
  node = await startNode({subnet: '10.89.11.0/24', config});
  await node.sandbox.client.create(nodes, {metadata: {name: nodeName}});
}, 60_000);
afterAll(async () => {
  await node?.stop();
  await server?.close();
  await rm(join(manifests, '..'), {recursive: true, force: true});
});

const name = `web-${nodeName}`;
const draft = (own: string, note: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {name: own, annotations: {note}},
  spec: {terminationGracePeriodSeconds: 1, containers: [sleeper('main')]},
});
const write = (note: string) => writeFile(join(manifests, 'web.json'), JSON.stringify(draft('web', note)));

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

describe('static pods of a URL', () => {
  it('run and go as its answer says', async () => {
    const [one, two] = ['one', 'two'].map((own) => `${own}-${nodeName}`);
    answer = JSON.stringify({
      kind: 'PodList',
      apiVersion: 'v1',
      items: [draft('one', 'a'), draft('two', 'a')],
    });
    const mirror = await node.waitFor(one ?? '', 'Ready', isReady);
    expect(mirror.metadata.annotations?.['kubernetes.io/config.source']).toBe('http');
    await node.waitFor(two ?? '', 'Ready', isReady);
    const id = node.agent().containerId('default', one ?? '', 'main');
    answer = JSON.stringify({kind: 'PodList', apiVersion: 'v1', items: [draft('one', 'a')]});
    await node.gone(two ?? '');
    expect(node.agent().containerId('default', one ?? '', 'main')).toBe(id);
    answer = '';
    await node.gone(one ?? '');
  });
});

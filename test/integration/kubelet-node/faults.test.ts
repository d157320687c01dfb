import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, afterEach, beforeAll, expect, it} from 'vitest';
import type {Pod} from '../../../src/lib/kubernetes.ts';
import {leases, pods} from '../../../src/lib/resources.ts';
import {busyboxImage} from '../support/images.ts';
import {until} from '../support/wait.ts';
import {type Fault, type FaultyApi, startFaultyApi} from './faulty-api.ts';
import {type Fixture, host, type Kubelet, nodeName, startFixture} from './fixture.ts';

let it1: Fixture;
let api: FaultyApi;
let kubelet: Kubelet;
/** Runs through all faults: each may look at it, and none may touch it. */
let steady: Pod;
let manifests: string;

beforeAll(async () => {
  manifests = await mkdtemp(join(tmpdir(), 'nodectl-manifests-'));
  it1 = await startFixture(
    `nodeStatusUpdateFrequency: 2s\nnodeLeaseDurationSeconds: 8\nstaticPodPath: ${manifests}\n`,
  );
  kubelet = it1.start();
  const text = await until('it has joined', () => readFile(it1.kubeconfig, 'utf8').catch(() => undefined));
  kubelet.process.kill('SIGTERM');
  await kubelet.ended();
  api = await startFaultyApi(it1.sandbox, host);
  await writeFile(it1.kubeconfig, text.replaceAll(it1.sandbox.url, api.url));
  kubelet = it1.start();
  await it1.ready();
  await create('steady');
  steady = await runs('steady');
}, 180_000);

afterEach(({task}) => {
  if (task.result?.state === 'fail') console.log(kubelet?.output().slice(-6000));
});
afterAll(async () => {
  await api?.close();
  await it1?.remove();
  if (manifests !== undefined) await rm(manifests, {recursive: true});
});

async function create(name: string): Promise<void> {
  const container = {name: 'c', image: busyboxImage, imagePullPolicy: 'IfNotPresent'};
  await it1.sandbox.client.create(pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {name, namespace: 'default'},
    spec: {
      nodeName,
      tolerations: [{operator: 'Exists'}],
      terminationGracePeriodSeconds: 0,
      containers: [
        {...container, command: ['sh', '-c', 'trap "exit 1" TERM; while :; do sleep 1000 & wait $!; done']},
      ],
    },
  });
}

const get = async (name: string) =>
  (await it1.sandbox.client.list(pods, {namespace: 'default'})).items.find(
    ({metadata}) => metadata.name === name,
  );

const podName = 'io.kubernetes.pod.name';

async function containersOf(name: string) {
  const {runtime} = it1.containerd.cri;
  return (await runtime.listContainers({filter: {labelSelector: {[podName]: name}}})).containers;
}

const told = ({status}: Pod) => status?.containerStatuses?.[0];

function runs(name: string, check: (pod: Pod) => boolean = () => true): Promise<Pod> {
  return until(
    `${name} runs`,
    async () => {
      const pod = await get(name);
      return pod !== undefined && told(pod)?.state?.running !== undefined && check(pod) ? pod : undefined;
    },
    {timeoutMs: 60_000, instead: async () => JSON.stringify((await get(name))?.status)},
  );
}

async function end(): Promise<void> {
  kubelet.process.kill('SIGTERM');
  await kubelet.ended();
}

async function startsDespite(fault: Fault, times: number, then: () => void = () => undefined): Promise<void> {
  const name = `during-${fault.replaceAll(' ', '-')}`;
  api.misbehave(fault, times);
  then();
  await create(name);
  await runs(name);
  expect(api.left()).toBeLessThan(times);
  await isUntouched();
}

async function isUntouched(): Promise<void> {
  const pod = await get('steady');
  expect(pod?.metadata.uid).toBe(steady.metadata.uid);
  expect(pod && told(pod)).toMatchObject({containerID: told(steady)?.containerID, restartCount: 0});
  expect((await it1.condition('Ready'))?.status).toBe('True');
}

// The other rows are the reflector's (test/unit/edges); here is what they add up to in a whole kubelet.
it.each([
  ['row 17: conflicts (409)', '409', 3],
  ['row 19: too many requests (429 with Retry-After)', '429', 2],
] as const)('%s: pods start all the same, and no other is touched', (_name, fault, times) =>
  startsDespite(fault, times),
);

it('row 20: a 500 with HTML, then a sign-in page in HTML: pods start all the same, and no other is touched', async () => {
  await startsDespite('html', 2);
  await until('both pages to be shown', () => api.left() === 0);
});

it('row 23: started by a list that breaks off: pods start all the same, and none is taken for deleted', async () => {
  await end();
  await startsDespite('half a list', 1, () => {
    kubelet = it1.start();
  });
});

it('row 18: its history is gone (410): pods start all the same, and none is taken for deleted', async () => {
  // How long a watch waits for its next try grows from fault to fault, and begins anew with the kubelet.
  await end();
  kubelet = it1.start();
  await create('before');
  await runs('before');
  await startsDespite('gone', 1);
});

it('row 21: a watch that is cut in the middle of a line: pods start all the same, and none is taken for deleted', () =>
  startsDespite('half a line', 1));

it('row 15: the API server is gone: pods go on, restart, and are told of when it is back', async () => {
  await create('restarts');
  const {metadata} = await runs('restarts');
  await api.down();
  const {runtime} = it1.containerd.cri;
  const own = () => containersOf('restarts');
  const [first] = await own();
  await runtime.stopContainer({containerId: first?.id ?? '', timeout: 5n});
  await until('its container runs again', async () =>
    (await own()).some(({id, state}) => id !== first?.id && state === 1),
  );
  await api.up();
  const back = await runs('restarts', (pod) => told(pod)?.restartCount === 1);
  expect(back.metadata.uid).toBe(metadata.uid);
  await isUntouched();
});

it('row 16: started with the API server away: static pods run, the rest waits, and what was deleted stays gone', async () => {
  await create('waits');
  await create('deleted');
  await Promise.all([runs('waits'), runs('deleted')]);
  await end();
  await api.down();
  const {runtime} = it1.containerd.cri;
  // As the machine's end does.
  for (const name of ['waits', 'deleted'])
    for (const {id} of (await runtime.listPodSandbox({filter: {labelSelector: {[podName]: name}}})).items)
      await runtime.stopPodSandbox({podSandboxId: id});
  await it1.sandbox.client.delete(pods, {namespace: 'default', name: 'deleted'}, {gracePeriodSeconds: 0});
  const spec = {
    hostNetwork: true,
    containers: [{name: 'c', image: busyboxImage, command: ['sleep', '1000']}],
  };
  const fixed = {apiVersion: 'v1', kind: 'Pod', metadata: {name: 'fixed', namespace: 'kube-system'}, spec};
  await writeFile(join(manifests, 'fixed.json'), JSON.stringify(fixed));
  kubelet = it1.start();
  const running = async (name: string) => (await containersOf(name)).some(({state}) => state === 1);
  await until('the static pod runs', () => running(`fixed-${nodeName}`), {timeoutMs: 60_000});
  expect([await running('waits'), await running('deleted')]).toEqual([false, false]);
  await api.up();
  await runs('waits');
  await until('what was deleted has gone', async () => (await containersOf('deleted')).length === 0, {
    timeoutMs: 60_000,
    instead: async () => JSON.stringify(await containersOf('deleted')),
  });
  await isUntouched();
});

it('row 35: three of ten packets of the API server are lost: pods start, the lease is kept, and the Node stays Ready', async () => {
  const {netns} = it1.containerd;
  const rules =
    'add table ip loss; add chain ip loss in { type filter hook input priority 0; }; ' +
    `add rule ip loss in ip saddr ${host} numgen random mod 100 < 30 drop`;
  const renewed = async () =>
    (await it1.sandbox.client.list(leases, {namespace: 'kube-node-lease'})).items[0]?.spec?.renewTime;
  const seen = new Set<string | undefined>();
  await netns.run('nft', [rules]);
  try {
    const before = await renewed();
    for (const name of ['lossy-a', 'lossy-b']) await create(name);
    const started = Promise.all([runs('lossy-a'), runs('lossy-b')]);
    await until(
      'the lease is renewed twice',
      async () => {
        seen.add(await renewed());
        expect((await it1.condition('Ready'))?.status).toBe('True');
        return seen.size > 2;
      },
      {timeoutMs: 90_000, instead: () => `${before} ${[...seen].join()}`},
    );
    await started;
    await isUntouched();
  } finally {
    await netns.run('nft', ['delete table ip loss']);
  }
});

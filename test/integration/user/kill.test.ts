import {afterAll, beforeAll, expect, it} from 'vitest';
import type {Pod} from '../../../src/lib/kubernetes.ts';
import {KubeCli} from '../support/kube-cli.ts';
import {createLan, type Lan, type Machine} from '../support/machine.ts';
import {until} from '../support/wait.ts';

const replicas = 30;
const crowd = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: {name: 'crowd', namespace: 'default'},
  spec: {
    replicas,
    selector: {matchLabels: {app: 'crowd'}},
    template: {
      metadata: {labels: {app: 'crowd'}},
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [{name: 'main', image: 'nodectl.local/hello:1', command: ['sleep', '100000']}],
      },
    },
  },
};

let lan: Lan;
let machine: Machine;
let kube: KubeCli | undefined;

beforeAll(async () => {
  lan = await createLan();
  machine = await lan.machine('kill');
  await machine.nodectl(['sandbox', 'up']);
  kube = new KubeCli(machine, 'trixie');
});
afterAll(async () => {
  kube?.remove();
  await lan?.remove();
});

async function kill(daemon: string): Promise<void> {
  const {stdout} = await machine.run('pgrep', ['-f', daemon], {okCodes: [0, 1]});
  const pids = stdout.split('\n').filter((line) => line !== '');
  expect(pids, daemon).toHaveLength(1);
  await machine.run('kill', ['-9', ...pids]);
}

async function crowdPods(): Promise<readonly Pod[]> {
  return (await kube?.json<{items: Pod[]}>('get', 'pods', '-l', 'app=crowd'))?.items ?? [];
}

const ready = (pod: Pod) => pod.status?.containerStatuses?.every((container) => container.ready) === true;

/** Ids of what containerd runs: a task for each sandbox and each container. */
async function tasks(): Promise<string[]> {
  const {stdout} = await machine.run('ctr', ['-n', 'k8s.io', 'tasks', 'list', '-q']);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .sort();
}

it('keeps exactly what was asked for when everything of ours is killed during a start of 30 pods', async () => {
  await kube?.create(crowd);
  await until('the first pods run', async () => (await crowdPods()).filter(ready).length >= 3, {
    timeoutMs: 60_000,
  });
  for (const daemon of ['bin/kubelet ', 'bin/kube-proxy ', 'sandbox serve']) await kill(daemon);
  await until('30 pods are ready', async () => (await crowdPods()).filter(ready).length === replicas, {
    timeoutMs: 120_000,
    everyMs: 250,
  });
  const found = await crowdPods();
  expect(found).toHaveLength(replicas);
  expect(found.flatMap((pod) => pod.status?.containerStatuses?.map((c) => c.restartCount) ?? [])).toEqual(
    Array(replicas).fill(0),
  );
  // Each pod is a sandbox and a container; the two hello pods are the others.
  await until('no task too many', async () => (await tasks()).length === 2 * (replicas + 2));
});

it('touches no container when its daemons are killed again later', async () => {
  const before = await tasks();
  for (const daemon of ['bin/kubelet ', 'bin/kube-proxy ', 'supervise --dir /var/lib/nodectl/supervisor'])
    await kill(daemon);
  await machine.nodectl(['sandbox', 'up']);
  const name = (await crowdPods())[0]?.metadata.name ?? '';
  await until(
    'the kubelet answers again',
    async () => (await kube?.text('exec', name, '--', 'echo', 'here')) === 'here',
  );
  expect(await tasks()).toEqual(before);
});

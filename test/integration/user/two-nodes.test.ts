import {afterAll, beforeAll, expect, it} from 'vitest';
import type {Node, Pod} from '../../../src/lib/kubernetes.ts';
import {KubeCli} from '../support/kube-cli.ts';
import {createLan, type Lan, type Machine} from '../support/machine.ts';
import {type Traces, traces} from '../support/traces.ts';
import {until} from '../support/wait.ts';

/** Two nodes on one machine: each in a network namespace and a directory of its own, with its own containerd. */
const nodes = [
  {name: 'left', address: '192.168.79.2'},
  {name: 'right', address: '192.168.79.3'},
] as const;

let lan: Lan | undefined;
let machine: Machine;
let kube: KubeCli | undefined;
let before: Traces;

const inside = (name: string, ...words: string[]) =>
  machine.run('nsenter', [`--net=/run/netns/${name}`, ...words], {timeoutMs: 200_000});

beforeAll(async () => {
  lan = await createLan();
  machine = await lan.machine('pair');
  await machine.nodectl(['sandbox', 'up']);
  kube = new KubeCli(machine, 'trixie');
  await machine.run('ip', ['link', 'add', 'nodes0', 'type', 'bridge']);
  await machine.run('ip', ['address', 'add', '192.168.79.1/24', 'dev', 'nodes0']);
  await machine.run('ip', ['link', 'set', 'nodes0', 'up']);
  for (const {name, address} of nodes) await plug(name, address);
  // The own node's proxy begins to hear of others' changes a moment after it serves: its helper is no trace of the others.
  await until(
    'its proxy hears',
    async () => (await machine.run('pgrep', ['-f', 'xtables-monitor'], {okCodes: [0, 1]})).exitCode === 0,
  );
  before = await traces(machine);
});
afterAll(async () => {
  kube?.remove();
  await lan?.remove();
});

async function plug(name: string, address: string): Promise<void> {
  await machine.run('ip', ['netns', 'add', name]);
  await machine.run('ip', [
    'link',
    'add',
    `to-${name}`,
    'type',
    'veth',
    'peer',
    'name',
    'eth0',
    'netns',
    name,
  ]);
  await machine.run('ip', ['link', 'set', `to-${name}`, 'master', 'nodes0', 'up']);
  await inside(name, 'ip', 'link', 'set', 'lo', 'up');
  await inside(name, 'ip', 'address', 'add', `${address}/24`, 'dev', 'eth0');
  await inside(name, 'ip', 'link', 'set', 'eth0', 'up');
  await inside(name, 'ip', 'route', 'add', 'default', 'via', '192.168.79.1');
}

it('joins both to one sandbox', async () => {
  const proxy = (await machine.nodectl(['sandbox', 'kubeconfig', '--proxy'])).stdout;
  await machine.run('sh', ['-c', 'cat >/run/proxy.conf'], {input: proxy});
  for (const {name} of nodes) {
    const [, ...words] = (await machine.nodectl(['sandbox', 'token'])).stdout.split(' ');
    const own = [
      '--root',
      `/data/${name}`,
      '--node-name',
      name,
      '--proxy',
      'nodectl',
      '--proxy-kubeconfig',
      '/run/proxy.conf',
    ];
    await inside(name, '/nodectl', ...words, ...own);
  }
  const listed = await kube?.text('get', 'nodes', '--no-headers');
  for (const {name} of nodes) expect(listed).toMatch(new RegExp(`^${name}\\s+Ready`, 'm'));
});

it('lets their pods talk to each other and through a Service', async () => {
  const known = (await kube?.json<{items: Node[]}>('get', 'nodes'))?.items ?? [];
  for (const {metadata, spec} of known) {
    const via = nodes.find(({name}) => name === metadata.name)?.address;
    if (via === undefined) continue;
    // What a cloud's router or a network add-on does between nodes.
    await machine.run('ip', ['route', 'add', spec?.podCIDR ?? '', 'via', via]);
    for (const {name} of nodes)
      if (name !== metadata.name) await inside(name, 'ip', 'route', 'add', spec?.podCIDR ?? '', 'via', via);
  }
  for (const {name} of nodes) await kube?.create(pod(name));
  await kube?.create({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {name: 'pair', namespace: 'default'},
    spec: {selector: {app: 'pair'}, ports: [{port: 80, targetPort: 8080}]},
  });
  await kube?.text('wait', '--for=condition=Ready', 'pod/on-left', 'pod/on-right', '--timeout=60s');
  const right = await kube?.json<Pod>('get', 'pod', 'on-right');
  expect(right?.spec.nodeName).toBe('right');
  // bookworm's static busybox crashes with wget -T.
  const ask = (url: string) => kube?.text('exec', 'on-left', '--', 'timeout', '3', 'wget', '-qO-', url);
  expect(await ask(`http://${right?.status?.podIP}:8080/`)).toBe('hello from on-right');
  const answers = new Set<string | undefined>();
  await until('both answer through the Service', async () => {
    answers.add(await ask('http://pair.default.svc.cluster.local/'));
    return answers.size === 2;
  });
  expect([...answers].sort()).toEqual(['hello from on-left', 'hello from on-right']);
});

it('resets both and leaves the machine and its own node as they were', async () => {
  await kube?.text('delete', 'pod', 'on-left', 'on-right', '--grace-period=1');
  for (const {name} of nodes) await inside(name, '/nodectl', 'reset', '--root', `/data/${name}`);
  for (const {name} of nodes) await kube?.text('delete', 'node', name);
  const {processes, mounts, namespaces, cgroups} = await traces(machine);
  expect({processes, mounts, namespaces, cgroups}).toEqual({
    processes: before.processes,
    mounts: before.mounts,
    namespaces: before.namespaces,
    cgroups: before.cgroups,
  });
  for (const {name} of nodes) {
    expect((await inside(name, 'nft', 'list', 'tables')).stdout).not.toContain('nodectl');
    expect(
      (await inside(name, 'ip', '-o', 'link')).stdout
        .split('\n')
        .map((line) => line.split(': ')[1]?.split('@')[0])
        .sort(),
    ).toEqual(['eth0', 'lo']);
  }
  expect((await machine.run('find', ['/data', '-type', 'f'])).stdout).toBe('');
});

function pod(node: string): object {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {name: `on-${node}`, namespace: 'default', labels: {app: 'pair'}},
    spec: {
      nodeSelector: {'kubernetes.io/hostname': node},
      terminationGracePeriodSeconds: 1,
      containers: [{name: 'main', image: 'nodectl.local/hello:1', imagePullPolicy: 'IfNotPresent'}],
    },
  };
}

import {appendFileSync, existsSync, readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {build} from 'esbuild';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {type Child, start} from '../../../src/edges/process/exec.ts';
import type {Pod} from '../../../src/lib/kubernetes.ts';
import {pods} from '../../../src/lib/resources.ts';
import {until} from '../support/wait.ts';
import {isReady, ownNode, shell, sleeper, startNode, statusOf, type TestNode} from './harness.ts';

/** 200 is the proof (`npm run bench kill`); a few are enough to notice what has broken. */
const kills = Number(process.env.NODECTL_TEST_KILLS ?? 4);
/** The proof: 50 pods, six ends, 20 s apart. */
const runtimePods = Number(process.env.NODECTL_TEST_RUNTIME_PODS ?? 6);
const runtimeKills = Number(process.env.NODECTL_TEST_RUNTIME_KILLS ?? 2);
const runtimeGapMs = Number(process.env.NODECTL_TEST_RUNTIME_GAP_MS ?? 300);
const seed = Number(process.env.NODECTL_TEST_SEED ?? 1);

let node: TestNode;
let bundle: string;
let kubelet: Child | undefined;

beforeAll(async () => {
  node = await startNode({subnet: '10.89.16.0/24'});
  await node.agent().stop();
  bundle = join(node.containerd.dir, 'agent.cjs');
  await build({
    entryPoints: [join(import.meta.dirname, 'agent-process.ts')],
    outfile: bundle.replace(/cjs$/, 'mjs'),
    bundle: true,
    platform: 'node',
    format: 'esm',
    banner: {
      js: "import {createRequire} from 'node:module'; const require = createRequire(import.meta.url);",
    },
    logLevel: 'error',
  });
  bundle = bundle.replace(/cjs$/, 'mjs');
}, 90_000);

afterAll(async () => {
  await kill();
  await node?.stop();
});

function begin(): void {
  const args = [
    bundle,
    node.sandbox.files.adminKubeconfig,
    JSON.stringify({config: node.config, node: ownNode()}),
  ];
  kubelet = start(process.execPath, args);
  kubelet.stdout.resume();
  const log = join(node.containerd.dir, 'kubelet.log');
  kubelet.stderr.on('data', (chunk: Buffer) => appendFileSync(log, chunk));
}

async function kill(): Promise<void> {
  const process = kubelet;
  kubelet = undefined;
  process?.kill('SIGKILL');
  await process;
}

/** A generator with a seed, so that a failure can be seen again (Lehmer). */
function randomFrom(seed: number): () => number {
  let state = (seed * 7919) % 2_147_483_647 || 1;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return state / 2_147_483_647;
  };
}

const grace = {terminationGracePeriodSeconds: 1};
const outDirectory = () => join(node.containerd.dir, 'out');
const out = () => ({name: 'out', hostPath: {path: outDirectory(), type: 'DirectoryOrCreate'}});
const mounts = {volumeMounts: [{name: 'out', mountPath: '/out'}]};

const kinds = {
  /** Runs for ever. */
  steady: () => ({...grace, containers: [sleeper('main')], volumes: [{name: 'cache', emptyDir: {}}]}),
  /** Ends once, with an exit code that must not be lost. */
  once: () => ({...grace, restartPolicy: 'Never', containers: [shell('main', 'sleep 0.3; exit 3')]}),
  /** Fails twice, then succeeds; its first restart is at once. */
  again: (name: string) => ({
    ...grace,
    restartPolicy: 'OnFailure',
    volumes: [out()],
    containers: [
      shell('main', `echo x >> /out/${name}; [ $(wc -l < /out/${name}) -gt 1 ] || exit 1`, mounts),
    ],
  }),
};
type Kind = keyof typeof kinds;

const kindOf = (name: string): Kind =>
  name.startsWith('steady') ? 'steady' : name.startsWith('once') ? 'once' : 'again';

function hasConverged(pod: Pod): boolean {
  const main = statusOf(pod, 'main');
  switch (kindOf(pod.metadata.name)) {
    case 'steady':
      return isReady(pod);
    case 'once':
      return pod.status?.phase === 'Failed' && main?.state?.terminated?.exitCode === 3;
    case 'again':
      return pod.status?.phase === 'Succeeded' && main?.state?.terminated?.exitCode === 0;
  }
}

async function all(): Promise<Pod[]> {
  return (await node.sandbox.client.list(pods, {namespace: 'default'})).items;
}

/** Pods come and go while the kubelet is killed at random moments; gives the containers that ran from the start. */
async function churn(random: () => number): Promise<void> {
  let made = 0;
  const words: Kind[] = ['steady', 'once', 'again'];
  for (let at = 0; at < kills; at++) {
    begin();
    const until = performance.now() + 300 + random() * 1500;
    while (performance.now() < until) {
      const living = await all();
      const word = words[Math.floor(random() * words.length)] ?? 'steady';
      const name = `${word}-${made}`;
      if (living.length < 14) {
        made++;
        await node.create(name, kinds[word](name));
      }
      const victim = living[Math.floor(random() * living.length)];
      if (living.length > 8 && victim !== undefined && random() < 0.5)
        await node.remove(victim.metadata.name, random() < 0.5 ? 0 : undefined);
      await new Promise((resolve) => setTimeout(resolve, random() * 250));
    }
    await kill();
  }
}

async function inRuntime(state: object = {}) {
  const {runtime} = node.containerd.cri;
  const {items} = await runtime.listPodSandbox({filter: state});
  const {containers} = await runtime.listContainers({});
  return {items, containers};
}

function shims(): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid) || !existsSync(`/proc/${pid}/cmdline`)) return false;
    const line = readCmdline(pid);
    return line.includes('containerd-shim') && line.includes(`${node.containerd.dir}/`);
  });
}

function readCmdline(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return '';
  }
}

function leftovers(): string[] {
  const {dir} = node.containerd;
  const cni = `${dir}/cni-data/test`;
  const ips = existsSync(cni) ? readdirSync(cni).filter((name) => /^\d/.test(name)) : [];
  const mounted = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter((line) => line.includes(` ${node.config.rootDir}/pods/`));
  const cgroups = podCgroups(`/sys/fs/cgroup`);
  return [
    ...shims().map((pid) => `shim ${pid}`),
    ...ips.map((ip) => `address ${ip}`),
    ...mounted.map((line) => `mount ${line}`),
    ...cgroups.map((path) => `cgroup ${path}`),
    ...readdirSync(`${node.config.rootDir}/pods`).map((uid) => `directory of ${uid}`),
  ];
}

function podCgroups(root: string): string[] {
  const hierarchies = existsSync(`${root}/cgroup.controllers`)
    ? [root]
    : readdirSync(root).map((c) => `${root}/${c}`);
  return hierarchies.flatMap((hierarchy) =>
    ['', '/burstable', '/besteffort'].flatMap((tier) => {
      const path = `${hierarchy}${node.config.cgroupRoot}/kubepods${tier}`;
      if (!existsSync(path)) return [];
      return readdirSync(path)
        .filter((name) => name.startsWith('pod'))
        .map((name) => `${path}/${name}`);
    }),
  );
}

describe('a kubelet that is killed again and again', () => {
  it(
    `at ${kills} random moments loses nothing, doubles nothing and leaves nothing`,
    async () => {
      const random = randomFrom(seed);
      for (const at of [1, 2, 3]) await node.create(`steady-first-${at}`, kinds.steady());
      begin();
      const firsts = new Map<string, string | undefined>();
      for (const at of [1, 2, 3]) {
        const pod = await node.waitFor(`steady-first-${at}`, 'Ready', isReady, 60_000);
        firsts.set(pod.metadata.uid, statusOf(pod, 'main')?.containerID);
      }
      await kill();
      await churn(random);
      begin();
      for (const {metadata} of await all()) {
        if (metadata.deletionTimestamp !== undefined) await node.gone(metadata.name);
        else await node.waitFor(metadata.name, 'converged', hasConverged, 120_000);
      }
      for (const pod of await all()) {
        const {uid, name} = pod.metadata;
        if (firsts.has(uid)) expect(statusOf(pod, 'main')?.containerID).toBe(firsts.get(uid));
        if (kindOf(name) !== 'again') expect([name, statusOf(pod, 'main')?.restartCount]).toEqual([name, 0]);
        // What has ended loses its sandbox a moment after its status is told.
        const wanted = kindOf(name) === 'steady' ? 1 : 0;
        const ready = {labelSelector: {'io.kubernetes.pod.uid': uid}, state: {state: 0}};
        await until(`${name} has ${wanted} sandboxes`, async () => {
          return (await inRuntime(ready)).items.length === wanted;
        });
      }
      for (const {metadata} of await all()) await node.remove(metadata.name);
      for (const {metadata} of await all()) await node.gone(metadata.name);
      await until('the runtime is empty', async () => {
        const {items, containers} = await inRuntime();
        return items.length + containers.length === 0;
      });
      // A kubelet looks for what others have left soon after its start, and then once a minute.
      await kill();
      begin();
      await until('nothing is left', () => leftovers().length === 0, {
        timeoutMs: 90_000,
        instead: () => leftovers().join('\n'),
      });
    },
    60_000 + kills * 15_000,
  );
});

describe('a runtime that is killed again and again', () => {
  it(
    `under ${runtimePods} pods: nothing restarts`,
    async () => {
      const names = Array.from({length: runtimePods}, (_, at) => `steady-under-${at}`);
      await Promise.all(names.map((name) => node.create(name, kinds.steady())));
      if (kubelet === undefined) begin();
      const before = new Map<string, string | undefined>();
      for (const name of names) {
        const pod = await node.waitFor(name, 'Ready', isReady, 120_000);
        before.set(name, statusOf(pod, 'main')?.containerID);
      }
      for (let at = 0; at < runtimeKills; at++) {
        await node.containerd.kill();
        await node.containerd.start();
        await new Promise((resolve) => setTimeout(resolve, runtimeGapMs));
      }
      // Everything has been looked at again when a pod that was made last is Ready.
      await node.create('steady-last', kinds.steady());
      await node.waitFor('steady-last', 'Ready', isReady, 120_000);
      for (const name of names) {
        const pod = await node.waitFor(name, 'Ready', isReady);
        expect([name, statusOf(pod, 'main')]).toMatchObject([
          name,
          {containerID: before.get(name), restartCount: 0, lastState: {}},
        ]);
      }
      await Promise.all([...names, 'steady-last'].map((name) => node.remove(name, 0)));
      for (const name of names) await node.gone(name);
    },
    120_000 + runtimePods * 5_000 + runtimeKills * (runtimeGapMs + 20_000),
  );
});

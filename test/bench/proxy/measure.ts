import {RunningProxy, StubApi} from '../../integration/proxy/running.ts';
import {connectNetns, createNetns, type Netns} from '../../integration/support/netns.ts';
import {until} from '../../integration/support/wait.ts';
import {KernelEvents, mark} from './kernel-events.ts';
import {cpuSeconds, MemoryWatch} from './usage.ts';

export type Subject = {
  readonly name: string;
  /** Given the configuration's path; undefined for the proxy from the sources. */
  readonly program: readonly string[] | undefined;
  /** Its table, and the map in it that has every Service. */
  readonly kernel: readonly [string, string];
  readonly idleChanges: number;
  /** How long changes come 100 a second. */
  readonly churnSeconds: number;
};

export type Load = {
  readonly name: string;
  /** The ClusterIP of the last Service. */
  readonly last: string;
  fill(api: StubApi): Promise<void>;
  /** The n-th change: a slice that holds this address. */
  change(n: number, address: string): object;
};

export type Figures = {
  /** From the caches being known to the first commit, as the proxy's own metric has it. */
  readonly firstSyncMs: number;
  readonly fromStartMs: number;
  /** Of the process and its children until then. */
  readonly fromStartCpuMs: number;
  readonly peakMB: number;
  readonly restMB: number;
  readonly idle: readonly number[];
  readonly idleCpuMs: number;
  readonly churn: readonly number[];
  readonly churnCpuMs: number;
};

const inside = '192.168.211.2';

/** One proxy in a namespace of its own, from its start through single changes to many. */
export async function measure(subject: Subject, load: Load): Promise<Figures> {
  const netns = await createNetns('ndb');
  const api = await StubApi.start(netns);
  let proxy: RunningProxy | undefined;
  let events: KernelEvents | undefined;
  let memory: MemoryWatch | undefined;
  try {
    await connectNetns(netns, {host: '192.168.211.1', inside});
    await load.fill(api);
    const started = performance.now();
    const program = subject.program === undefined ? {} : {program: subject.program};
    proxy = await RunningProxy.start({netns, apiPort: api.port, ...program});
    memory = new MemoryWatch(proxy.pid);
    const {pid} = proxy;
    await until('the first commit', () => isSynced(netns, subject, load), {timeoutMs: 300_000, everyMs: 10});
    const fromStartMs = performance.now() - started;
    const fromStartCpuMs = cpuSeconds(pid) * 1000;
    const firstSyncMs = await firstSync(proxy);
    events = new KernelEvents(netns);
    const heard = events;
    await hears(heard, netns);
    const idle = await timed(pid, () => oneByOne(api, heard, load, subject.idleChanges));
    const churn = await timed(pid, () => manyASecond(api, heard, load, subject));
    return {
      firstSyncMs,
      fromStartMs,
      fromStartCpuMs,
      peakMB: memory.peakMB,
      restMB: memory.nowMB,
      idle: idle.samples,
      idleCpuMs: (idle.cpuSeconds * 1000) / idle.samples.length,
      churn: churn.samples,
      churnCpuMs: (churn.cpuSeconds * 1000) / churn.samples.length,
    };
  } finally {
    memory?.stop();
    await events?.stop();
    await proxy?.stop();
    await api.stop();
    await netns.remove();
  }
}

/** A family has said that its rules are in the kernel, and the last Service is among them. */
async function isSynced(netns: Netns, {kernel}: Subject, {last}: Load): Promise<boolean> {
  const response = await fetch(`http://${inside}:10256/healthz`);
  if (!(await response.text()).includes('"IPv4"')) return false;
  const element = ['get', 'element', 'ip', ...kernel, `{ ${last} . tcp . 80 }`];
  return (await netns.run('nft', element, {okCodes: [0, 1]})).exitCode === 0;
}

async function firstSync(proxy: RunningProxy): Promise<number> {
  const {stdout} = await proxy.get('/metrics', 10_249);
  const sum = /full_proxy_rules_duration_seconds_sum\{ip_family="IPv4"\} (\S+)/.exec(stdout)?.[1];
  return Number(sum) * 1000;
}

async function hears(events: KernelEvents, netns: Netns): Promise<void> {
  let heard = false;
  void events.generation().then(() => {
    heard = true;
  });
  await until(
    'the monitor',
    async () => {
      await netns.run('nft', ['add', 'table', 'ip', 'poke']);
      await netns.run('nft', ['delete', 'table', 'ip', 'poke']);
      return heard;
    },
    {timeoutMs: 120_000, everyMs: 200},
  );
}

async function timed(pid: number, run: () => Promise<number[]>) {
  const before = cpuSeconds(pid);
  const samples = await run();
  return {samples, cpuSeconds: cpuSeconds(pid) - before};
}

let changes = 0;

async function change(api: StubApi, events: KernelEvents, load: Load): Promise<number> {
  const address = mark(++changes);
  const seen = events.seen(address);
  const started = performance.now();
  await api.put('endpointslices', load.change(changes, address));
  return (await seen) - started;
}

async function oneByOne(api: StubApi, events: KernelEvents, load: Load, count: number): Promise<number[]> {
  const samples: number[] = [];
  for (let i = 0; i < count; i++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    samples.push(await change(api, events, load));
  }
  return samples;
}

/** One each 10 ms, whether those before are there yet or not. */
async function manyASecond(
  api: StubApi,
  events: KernelEvents,
  load: Load,
  {churnSeconds}: Subject,
): Promise<number[]> {
  const started = performance.now();
  const samples: Promise<number>[] = [];
  for (let i = 0; i < churnSeconds * 100; i++) {
    const waitMs = started + i * 10 - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    samples.push(change(api, events, load));
  }
  return Promise.all(samples);
}

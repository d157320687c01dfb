import {RunningProxy, StubApi} from '../../integration/proxy/support/running.ts';
import type {Netns} from '../../integration/support/netns.ts';
import {until} from '../../integration/support/wait.ts';
import {quantile} from '../table.ts';
import {KernelEvents, mark} from './kernel-events.ts';
import {benchNetns} from './place.ts';
import {openProbe} from './probe.ts';
import {cpuSeconds, MemoryWatch} from './usage.ts';

export type Subject = {
  readonly name: string;
  readonly mode: 'nftables' | 'iptables';
  /** Given the configuration's path; undefined for the proxy from the sources. */
  readonly program: readonly string[] | undefined;
  /** What its unit adds to the environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Its table, and the map in it that has every Service; undefined where there is no such map. */
  readonly kernel: readonly [string, string] | undefined;
  /** Notices a flushed ruleset by itself. */
  readonly repairs: boolean;
  readonly idleChanges: number;
  /** How long changes come 100 a second. */
  readonly churnSeconds: number;
};

type Slice = {readonly metadata: {readonly name: string}};

export type Load = {
  readonly name: string;
  readonly services: number;
  readonly endpoints: number;
  /** The ClusterIP of the last Service. */
  readonly last: string;
  fill(api: StubApi): Promise<void>;
  /** The n-th change: a slice that holds this address. */
  change(n: number, address: string): Slice;
};

export type Figures = {
  /** From the caches being known to the last Service in the kernel. */
  readonly afterSyncMs: number;
  readonly fromStartMs: number;
  /** Of the process and its children until then. */
  readonly fromStartCpuMs: number;
  readonly peakMB: number;
  readonly restMB: number;
  /** Pages of the executable and its libraries in the memory at rest. */
  readonly fileMB: number;
  readonly idle: readonly number[];
  readonly idleCpuMs: number;
  readonly churn: readonly number[];
  readonly churnCpuMs: number;
  /** From a flush of the ruleset by somebody else to the last Service in the kernel; NaN where nobody looks for that. */
  readonly repairedMs: number;
};

/** One proxy in a namespace of its own, from its start through single changes to many. */
export async function measure(subject: Subject, load: Load): Promise<Figures> {
  const place = await benchNetns();
  const {netns} = place;
  const api = await StubApi.start(netns);
  let proxy: RunningProxy | undefined;
  let events: KernelEvents | undefined;
  let memory: MemoryWatch | undefined;
  try {
    // Without it kube-proxy waits for half a minute.
    await api.put('nodes', nodeAt(place.address));
    await load.fill(api);
    const {program, mode, env} = subject;
    const own = {...(program && {program}), ...(env && {env})};
    events = await KernelEvents.begin(netns);
    const heard = events;
    heard.pause();
    const started = performance.now();
    proxy = await RunningProxy.start({netns, apiPort: api.port, mode, ...own});
    memory = new MemoryWatch(proxy.pid);
    const {pid} = proxy;
    await firstCommit(subject, load, place.address, netns, () => proxy?.log ?? '');
    const fromStartMs = performance.now() - started;
    const synced = Date.now();
    const fromStartCpuMs = cpuSeconds(pid) * 1000;
    const afterSyncMs = await afterSync(proxy, synced);
    await heard.resume();
    const idle = await timed(pid, () => oneByOne(api, heard, load, subject.idleChanges));
    const churn = await timed(pid, () => manyASecond(api, heard, load, subject));
    await heard.stop();
    return {
      repairedMs: await repaired(subject, load, netns),
      afterSyncMs,
      fromStartMs,
      fromStartCpuMs,
      peakMB: memory.peakMB,
      restMB: memory.nowMB,
      fileMB: memory.ownFileMB,
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
    await place.remove();
  }
}

/** The node that the proxies are configured for. */
function nodeAt(address: string) {
  return {metadata: {name: 'here', uid: 'here'}, status: {addresses: [{type: 'InternalIP', address}]}};
}

/** A family has said that its rules are in the kernel, and the last Service is among them. */
async function firstCommit(
  {name, kernel}: Subject,
  {last}: Load,
  address: string,
  netns: Netns,
  log: () => string,
): Promise<void> {
  const probe = openProbe(netns);
  const isThere = async () => {
    const response = await fetch(`http://${address}:10256/healthz`);
    if (!(await response.text()).includes('"IPv4"')) return false;
    return kernel === undefined || (await probe.has(kernel, `${last} . tcp . 80`));
  };
  try {
    await until(`the first commit of ${name}`, isThere, {
      timeoutMs: 300_000,
      everyMs: 10,
      instead: () => log().slice(-2000),
    });
  } finally {
    await probe.stop();
  }
}

const repairMs = 60_000;
/** One that takes as long says enough by itself. */
const longRepairMs = 5_000;

/** Three times, of which the middle one counts; Infinity for one that nobody has waited for. */
async function repaired({name, kernel, repairs}: Subject, {last}: Load, netns: Netns): Promise<number> {
  if (kernel === undefined || !repairs) return Number.NaN;
  const probe = openProbe(netns);
  const samples: number[] = [];
  try {
    while (samples.length < 3 && !samples.some((ms) => ms > longRepairMs)) {
      await netns.run('nft', ['flush', 'ruleset']);
      const flushed = performance.now();
      const isThere = await until(`${name} to repair`, () => probe.has(kernel, `${last} . tcp . 80`), {
        timeoutMs: repairMs,
        everyMs: 5,
      }).catch(() => false);
      samples.push(isThere ? performance.now() - flushed : Number.POSITIVE_INFINITY);
    }
  } finally {
    await probe.stop();
  }
  return quantile(samples, 0.5);
}

/** Our log says when both caches were known; kube-proxy measures its first sync itself. */
async function afterSync(proxy: RunningProxy, syncedMs: number): Promise<number> {
  const known = proxy.log.split('\n').find((line) => line.includes('Services and EndpointSlices are known'));
  const time = /"time":"([^"]+)"/.exec(known ?? '')?.[1];
  if (time !== undefined) return syncedMs - Date.parse(time);
  const {stdout} = await proxy.get('/metrics', 10_249);
  const sum = /full_proxy_rules_duration_seconds_sum\{ip_family="IPv4"\} (\S+)/.exec(stdout)?.[1];
  return Number(sum) * 1000;
}

async function timed(pid: number, run: () => Promise<number[]>) {
  const before = cpuSeconds(pid);
  const samples = await run();
  return {samples, cpuSeconds: cpuSeconds(pid) - before};
}

let changes = 0;

async function change(api: StubApi, events: KernelEvents, load: Load): Promise<number> {
  const address = mark(++changes);
  const slice = load.change(changes, address);
  const seen = events.seen(address, slice.metadata.name);
  const started = performance.now();
  await api.put('endpointslices', slice);
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

import {readFileSync} from 'node:fs';
import {performance} from 'node:perf_hooks';
import {createInterface} from 'node:readline';
import {start} from '../../src/edges/exec.ts';
import {RunningProxy, StubApi} from '../integration/proxy/running.ts';
import {createNetns, type Netns} from '../integration/support/netns.ts';
import {until} from '../integration/support/wait.ts';
import {milliseconds, quantile, ratio, type Table} from './table.ts';

const sizes = [100, 1_000, 10_000];
const rounds = 60;
const ticksPerSecond = 100;

/** Hears every transaction of a namespace, as the kernel tells it. */
class Generations {
  readonly #child;
  #heard: (() => void)[] = [];

  constructor(netns: Netns) {
    this.#child = start('nsenter', [`--net=${netns.path}`, 'nft', 'monitor']);
    createInterface({input: this.#child.stdout}).on('line', (line) => {
      if (!line.startsWith('# new generation')) return;
      for (const wake of this.#heard.splice(0)) wake();
    });
  }

  next(): Promise<void> {
    return new Promise((resolve) => this.#heard.push(resolve));
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#child;
  }
}

/** Milliseconds from each `change` to the kernel's word for it, one after the other on an idle machine. */
async function latencies(
  generations: Generations,
  change: (i: number) => Promise<unknown>,
): Promise<number[]> {
  const samples: number[] = [];
  for (let i = 0; i < rounds; i++) {
    await new Promise((resolve) => setTimeout(resolve, 30));
    const heard = generations.next();
    const started = performance.now();
    const changed = change(i);
    await heard;
    samples.push(performance.now() - started);
    await changed;
  }
  return samples.slice(5);
}

type Usage = {readonly cpuSeconds: number; readonly rssMB: number; readonly peakMB: number};

/** The process and its children, those that have ended included. */
function usage(pid: number): Usage {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(' ')
    .filter(Boolean);
  const one = (id: number | string, reaped: boolean): Usage => {
    const fields = readFileSync(`/proc/${id}/stat`, 'utf8')
      .replace(/^.*\) /, '')
      .split(' ')
      .map(Number);
    const ticks = fields.slice(11, reaped ? 15 : 13).reduce((sum, n) => sum + n, 0);
    const status = readFileSync(`/proc/${id}/status`, 'utf8');
    const kB = (key: string) => Number(new RegExp(`${key}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024;
    return {cpuSeconds: ticks / ticksPerSecond, rssMB: kB('VmRSS'), peakMB: kB('VmHWM')};
  };
  return [one(pid, true), ...children.map((child) => one(child, false))].reduce((a, b) => ({
    cpuSeconds: a.cpuSeconds + b.cpuSeconds,
    rssMB: a.rssMB + b.rssMB,
    peakMB: a.peakMB + b.peakMB,
  }));
}

function endpoints(i: number): object {
  return {
    metadata: {
      namespace: 'ns-7',
      name: 'svc-7-abcde',
      uid: 'slice-7',
      labels: {'kubernetes.io/service-name': 'svc-7'},
    },
    addressType: 'IPv4',
    ports: [{name: 'http', protocol: 'TCP', port: 8080}],
    endpoints: [{addresses: ['10.65.0.7']}, {addresses: [`10.200.0.${i + 1}`]}],
  };
}

async function measure(services: number): Promise<(string | number)[][]> {
  const netns = await createNetns('ndb');
  const api = await StubApi.start(netns);
  let proxy: RunningProxy | undefined;
  let generations: Generations | undefined;
  try {
    await api.fill(services);
    const started = performance.now();
    const running = await RunningProxy.start({netns, apiPort: api.port});
    proxy = running;
    await until('the first commit', async () => /"IPv4"/.test((await running.get('/healthz')).stdout), {
      timeoutMs: 120_000,
    });
    const coldMs = performance.now() - started;
    const firstMs = await firstSyncMs(running);
    const heard = new Generations(netns);
    generations = heard;
    await until('the monitor', async () => {
      const awaited = heard.next().then(() => true);
      await netns.run('nft', ['add', 'table', 'ip', 'poke']);
      await netns.run('nft', ['delete', 'table', 'ip', 'poke']);
      return Promise.race([awaited, new Promise<false>((resolve) => setTimeout(() => resolve(false), 500))]);
    });
    const before = usage(running.pid);
    const ours = await latencies(heard, (i) => api.put('endpointslices', endpoints(i)));
    const after = usage(running.pid);
    await netns.run('nft', ['add', 'set', 'ip', 'nodectl-proxy', 'bench', '{ type ipv4_addr; }']);
    const raw = await latencies(heard, (i) =>
      netns.run('nft', ['-f', '-'], {input: `add element ip nodectl-proxy bench { 10.9.0.${i} }\n`}),
    );
    const cpuMs = ((after.cpuSeconds - before.cpuSeconds) * 1000) / rounds;
    return [
      [
        services,
        milliseconds(quantile(ours, 0.5)),
        milliseconds(quantile(ours, 0.99)),
        milliseconds(quantile(raw, 0.5)),
        ratio(quantile(ours, 0.5), quantile(raw, 0.5)),
        cpuMs.toFixed(1),
        milliseconds(firstMs),
        milliseconds(coldMs),
        after.rssMB.toFixed(0),
        after.peakMB.toFixed(0),
      ],
    ];
  } finally {
    await generations?.stop();
    await proxy?.stop();
    await api.stop();
    await netns.remove();
  }
}

/** From the caches being known to the first commit of a family, as the proxy's own metric has it. */
async function firstSyncMs(proxy: RunningProxy): Promise<number> {
  const {stdout} = await proxy.get('/metrics', 10_249);
  const sum = /full_proxy_rules_duration_seconds_sum\{ip_family="IPv4"\} (\S+)/.exec(stdout)?.[1];
  return Number(sum) * 1000;
}

/** A change of one Service, from the API's write to the kernel's event, beside `nft -f -` of one element. */
export default async function proxy(): Promise<Table[]> {
  const rows: (string | number)[][] = [];
  for (const size of sizes) rows.push(...(await measure(size)));
  return [
    {
      title: `Service change → kernel (${rounds} changes, 2 endpoints a Service, proxy from the sources)`,
      columns: [
        'services',
        'p50 ms',
        'p99 ms',
        'nft -f p50 ms',
        'beside it',
        'CPU ms/change',
        'first commit ms',
        'from start ms',
        'RSS MB',
        'peak MB',
      ],
      rows,
      notes: ['CPU and memory are those of the proxy with its nft child.'],
    },
  ];
}

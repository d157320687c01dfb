import {mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {loadKubeletConfig} from '../../src/config/kubelet.ts';
import {openCgroupReader} from '../../src/edges/cgroups/cgroup-stats.ts';
import {realClock} from '../../src/edges/clock.ts';
import type {Cri} from '../../src/edges/cri/client.ts';
import {createMetrics} from '../../src/kubelet/server/pages/metrics.ts';
import {cadvisorText} from '../../src/kubelet/stats/cadvisor/text.ts';
import {Telemetry} from '../../src/kubelet/stats/metrics/telemetry.ts';
import {resourceText} from '../../src/kubelet/stats/resource.ts';
import {startStats} from '../../src/kubelet/stats/stats.ts';
import {summary} from '../../src/kubelet/stats/summary.ts';
import type {Snapshot} from '../../src/kubelet/stats/types.ts';
import type {Pod} from '../../src/lib/kubernetes.ts';
import {silent} from '../../src/lib/log.ts';
import {milliseconds, quantile, ratio, type Table} from './table.ts';

const podCount = 100;
const perPod = 3;
const rounds = 10;

/** What a cgroup of version 2 has, of about the kernel's own length. */
const files: Readonly<Record<string, string>> = {
  'cpu.stat':
    'usage_usec 5123456\nuser_usec 3000000\nsystem_usec 2123456\nnr_periods 40\nnr_throttled 7\nthrottled_usec 9\n',
  'cpu.weight': '20\n',
  'cpu.max': '50000 100000\n',
  'memory.stat': `anon 10485760\nfile 20971520\ninactive_file 8388608\nactive_file 4096\npgfault 7\npgmajfault 3\n${'workingset_refault_file 0\n'.repeat(40)}`,
  'memory.current': '33554432\n',
  'memory.events': 'low 0\nhigh 1\nmax 5\noom 2\noom_kill 2\n',
  'memory.max': '67108864\n',
  'pids.current': '9\n',
  'pids.max': 'max\n',
  'io.stat': '8:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n',
  'cgroup.procs': '',
};
const uid = (at: number) => `00000000-0000-0000-0000-${String(at).padStart(12, '0')}`;
const podPath = (at: number) => `kubepods/burstable/pod${uid(at)}`;

function makeCgroups(root: string): void {
  const paths = Array.from({length: podCount}, (_, at) => [
    podPath(at),
    ...Array.from({length: perPod}, (_, child) => `${podPath(at)}/c-${at}-${child}`),
  ]).flat();
  for (const path of ['kubepods', 'kubepods/burstable', ...paths])
    for (const [name, text] of Object.entries(files)) {
      const file = join(root, path, name);
      mkdirSync(dirname(file), {recursive: true});
      writeFileSync(file, text);
    }
  writeFileSync(join(root, 'cgroup.controllers'), 'cpu memory\n');
}

function pod(at: number): Pod {
  return {
    metadata: {name: `pod-${at}`, namespace: 'default', uid: uid(at), resourceVersion: '1'},
    spec: {
      containers: Array.from({length: perPod - 1}, (_, child) => ({
        name: `c${child}`,
        resources: {requests: {cpu: '1m'}},
      })),
    },
  };
}

/** The runtime's part: a sandbox and containers by the names of their cgroups. */
function runtimeOf(uidText: string) {
  const at = Number(uidText.slice(-12));
  const id = (child: number) => `c-${at}-${child}`;
  const common = {
    attempt: 0,
    createdAtMs: 0,
    exitCode: 0,
    finishedAtMs: 0,
    reason: '',
    message: '',
    logPath: '',
  };
  return {
    sandboxes: [
      {
        id: id(0),
        name: `pod-${at}`,
        namespace: 'default',
        attempt: 0,
        ready: true,
        createdAtMs: 0,
        ips: [],
        hostNetwork: false,
      },
    ],
    containers: Array.from({length: perPod - 1}, (_, child) => ({
      ...common,
      id: id(child + 1),
      name: `c${child}`,
      sandboxId: id(0),
      state: 'running' as const,
      startedAtMs: 1,
      image: 'example.com/image:1',
      imageRef: '',
      annotations: {},
      user: undefined,
    })),
  };
}

const stats = {
  listContainerStats: async () => ({stats: []}),
  imageFsInfo: async () => ({imageFilesystems: [], containerFilesystems: []}),
};
const cri = {runtime: stats, images: stats} as unknown as Cri;

/** What a kubelet has counted once so many pods have started. */
function workDone(pods: readonly Pod[]): Telemetry {
  const telemetry = new Telemetry(0);
  for (const [at, each] of pods.entries()) {
    const startedAt = new Date(at * 1000).toISOString();
    const containerStatuses = each.spec.containers.map(({name}) => ({
      name,
      image: '',
      imageID: '',
      ready: true,
      restartCount: 0,
      containerID: `containerd://${at}-${name}`,
      state: {running: {startedAt}},
    }));
    telemetry.statusWritten(each, {containerStatuses}, at * 1000);
    for (const operation of ['run_podsandbox', 'create_container', 'start_container', 'container_status'])
      telemetry.runtimeOperation(operation, at / 100, false);
    telemetry.pods.worked('sync', at / 1000);
  }
  return telemetry;
}

type Cost = {readonly wallMs: number; readonly cpuMs: number; readonly bytes: number};

async function measure(work: () => Promise<string>): Promise<Cost> {
  const costs: Cost[] = [];
  for (let round = 0; round < rounds; round++) {
    const [started, cpu] = [performance.now(), process.cpuUsage()];
    const {length: bytes} = await work();
    const {user, system} = process.cpuUsage(cpu);
    costs.push({wallMs: performance.now() - started, cpuMs: (user + system) / 1000, bytes});
  }
  const middle = (of: (cost: Cost) => number) => quantile(costs.map(of), 0.5);
  return {wallMs: middle((c) => c.wallMs), cpuMs: middle((c) => c.cpuMs), bytes: costs[0]?.bytes ?? 0};
}

/** The floor: every file of every cgroup is read once, and nothing is made of it. */
function readAll(directory: string): number {
  let bytes = 0;
  for (const entry of readdirSync(directory, {withFileTypes: true})) {
    const path = join(directory, entry.name);
    bytes += entry.isDirectory() ? readAll(path) : readFileSync(path).length;
  }
  return bytes;
}

/** Scrapes of a node with a hundred pods: a fresh reading of all cgroups, and the text that is made of it. */
export default async function metrics(): Promise<Table[]> {
  const root = mkdtempSync(join(tmpdir(), 'nodectl-metrics-'));
  try {
    makeCgroups(root);
    const text = `apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nfailCgroupV1: false\ncgroupDriver: cgroupfs\npodLogsDir: ${join(root, 'logs')}\n`;
    const flags = {rootDir: join(root, 'kubelet')};
    mkdirSync(flags.rootDir);
    const {config} = loadKubeletConfig([{path: '/config.yaml', text}], flags, 'n1');
    const pods = Array.from({length: podCount}, (_, at) => pod(at));
    const cgroups = await openCgroupReader(root);
    const parts = {config, cri, clock: realClock, log: silent, machine: {cgroups}};
    const reader = await startStats({...parts, pods: () => pods, runtimeOf});
    const machine = {
      machineId: '',
      systemUuid: '',
      bootId: '',
      kernel: '',
      osImage: '',
      version: config.version,
    };
    const tell: Readonly<Record<string, (snapshot: Snapshot) => string>> = {
      '/metrics/cadvisor': (snapshot) => cadvisorText(snapshot, machine),
      '/metrics/resource': resourceText,
      '/stats/summary': (snapshot) => JSON.stringify(summary('n1', snapshot, {cpuAndMemory: false})),
    };
    const telemetry = workDone(pods);
    const floor = await measure(async () => String(readAll(root)));
    const rows: (string | number)[][] = [
      ['files alone (floor)', milliseconds(floor.wallMs), milliseconds(floor.cpuMs), '', ''],
    ];
    for (const [path, render] of Object.entries(tell)) {
      // -1: no reading is young enough, so each is new.
      const {wallMs, cpuMs, bytes} = await measure(async () => render(await reader.get(-1)));
      rows.push([path, milliseconds(wallMs), milliseconds(cpuMs), bytes, ratio(cpuMs, floor.cpuMs)]);
    }
    const kept = await reader.get(60_000);
    for (const [path, render] of Object.entries(tell)) {
      const {wallMs, cpuMs, bytes} = await measure(async () => render(kept));
      rows.push([`${path}, kept reading`, milliseconds(wallMs), milliseconds(cpuMs), bytes, '']);
    }
    const own = createMetrics({
      config,
      agent: {pods: () => pods, active: () => [], working: () => [], mirrors: () => 0},
      stats: reader,
      telemetry,
    });
    const {wallMs, cpuMs, bytes} = await measure(() => own.text());
    rows.push(['/metrics', milliseconds(wallMs), milliseconds(cpuMs), bytes, ratio(cpuMs, floor.cpuMs)]);
    reader.stop();
    return [
      {
        title: `Scrapes with ${podCount} pods of ${perPod} cgroups (p50 of ${rounds})`,
        columns: ['path', 'wall ms', 'CPU ms', 'bytes', 'CPU × floor'],
        rows,
      },
    ];
  } finally {
    rmSync(root, {recursive: true, force: true});
  }
}

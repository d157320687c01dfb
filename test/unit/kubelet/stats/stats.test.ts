import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, describe, expect, it} from 'vitest';
import {type KubeletFlags, loadKubeletConfig} from '../../../../src/config/kubelet.ts';
import type {CgroupReader} from '../../../../src/edges/cgroups/cgroup-stats.ts';
import {connectCri} from '../../../../src/edges/cri/client.ts';
import type {PodRuntime} from '../../../../src/kubelet/pod/status/runtime-state.ts';
import {startStats} from '../../../../src/kubelet/stats/stats.ts';
import type {Pod} from '../../../../src/lib/kubernetes.ts';
import {silent} from '../../../../src/lib/log.ts';
import {disks, measured, mi, pod} from '../eviction/fixture.ts';

let root = '';
afterEach(() => rmSync(root, {recursive: true, force: true}));

/** Of each pod one container `c-NAME` in a sandbox `s-NAME`. */
function runtimeOf(name: string): PodRuntime {
  const common = {name: 'main', attempt: 0, createdAtMs: 0};
  return {
    sandboxes: [{...common, id: `s-${name}`, namespace: 'default', ready: true, ips: [], hostNetwork: false}],
    containers: [
      {
        ...common,
        id: `c-${name}`,
        sandboxId: `s-${name}`,
        state: 'running',
        startedAtMs: 1,
        finishedAtMs: 0,
        exitCode: 0,
        reason: '',
        message: '',
        image: 'x',
        imageRef: '',
        logPath: '',
        annotations: {},
        user: undefined,
      },
    ],
  };
}

/** Cgroups that use a tenth of a processor each, and note who is read how. */
function cgroupsAt(now: () => number) {
  const read = {all: [] as string[], cpu: [] as string[], listed: [] as string[]};
  const cpu = () => ({usageNs: now() * 1e5, userNs: 0, systemNs: 0});
  const reader: CgroupReader = {
    v2: true,
    sample(path) {
      read.all.push(path);
      return {...measured(mi).sample, cpu: cpu()};
    },
    cpuNs(path) {
      read.cpu.push(path);
      return cpu().usageNs;
    },
    children(path) {
      read.listed.push(path);
      return ['a', 'b'].flatMap((name) =>
        path.endsWith(`uid-${name}`) ? [`cri-s-${name}.scope`, `cri-c-${name}.scope`] : [],
      );
    },
    processes: () => [],
  };
  return {reader, read};
}

async function readerOf(pods: readonly Pod[], flags: KubeletFlags = {}) {
  root = mkdtempSync(join(tmpdir(), 'nodectl-stats-'));
  const text = `apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\npodLogsDir: ${root}`;
  const {config} = loadKubeletConfig([{path: '/c.yaml', text}], flags, 'n1');
  const time = {ms: 1_000_000};
  const clock = {now: () => time.ms, monotonic: () => time.ms, after: () => () => undefined};
  const {reader, read} = cgroupsAt(clock.now);
  // Whoever asks the runtime here meets nobody, which is told.
  const asked: string[] = [];
  const log = {...silent, warn: (text: string) => void asked.push(text)};
  const stats = await startStats({
    config: {...config, rootDir: root},
    cri: connectCri(join(root, 'no.sock')),
    clock,
    log,
    pods: () => pods,
    runtimeOf: (uid) => runtimeOf(uid.slice('uid-'.length)),
    readVolumes: async () => new Map(),
    machine: {cgroups: reader, disks: async () => disks()},
  });
  return {stats, read, time, asked};
}

it('tells of the runtime where a flag says which cgroup is its own', async () => {
  const runtimeCgroups = '/system.slice/containerd.service';
  const {stats} = await readerOf([], {runtimeCgroups});
  expect((await stats.get(0)).node.system.get('runtime')).toMatchObject({cgroup: runtimeCgroups});
});

it('tells nothing of the runtime where no flag says its cgroup', async () => {
  const {stats} = await readerOf([]);
  expect((await stats.get(0)).node.system.has('runtime')).toBe(false);
});

describe('a glance', () => {
  const pods = [pod('a'), pod('b')];

  it('reads no more of a pod without limits than its counters of the processor', async () => {
    const {stats, read, asked} = await readerOf(pods);
    const {limited, node} = await stats.glance();
    expect([limited, node.root.sample.memory?.workingSetBytes]).toEqual([[], mi]);
    expect(read.all.filter((path) => path.includes('uid-'))).toEqual([]);
    expect(read.cpu.filter((path) => path.includes('uid-a'))).toHaveLength(3);
    expect(asked).toEqual([]);
  });

  it('makes a reading that comes after it tell rates', async () => {
    const {stats, time} = await readerOf(pods);
    await stats.glance();
    time.ms += 10_000;
    const {pods: read} = await stats.get(0);
    expect(read.map(({measured: of}) => of?.nanoCores)).toEqual([1e8, 1e8]);
    expect(read[0]?.containers[0]).toMatchObject({
      cgroup: expect.stringMatching(/poduid-a\/cri-c-a\.scope$/),
      measured: {nanoCores: 1e8},
    });
    expect(read[0]?.sandbox?.measured?.nanoCores).toBe(1e8);
  });

  it('looks once for the cgroup of a container', async () => {
    const {stats, read, time} = await readerOf(pods);
    await stats.glance();
    const first = read.listed.length;
    time.ms += 10_000;
    await stats.glance();
    await stats.get(0);
    expect(first).toBeGreaterThan(0);
    expect(read.listed).toHaveLength(first);
  });

  it('never shares its rates with a reading that goes on', async () => {
    const {stats, time} = await readerOf(pods);
    await stats.get(0);
    time.ms += 10_000;
    const [{pods: read}] = await Promise.all([stats.get(0), stats.glance()]);
    time.ms += 10_000;
    const {pods: next} = await stats.get(0);
    for (const one of [...read, ...next]) expect(one.measured?.nanoCores).toBe(1e8);
  });

  it('tells what a pod stores that may store only so much', async () => {
    const limits = {'ephemeral-storage': '1Mi'};
    const limited = pod('a', {containers: [{name: 'main', image: 'x', resources: {limits}}]});
    const {stats, asked} = await readerOf([limited, pod('b')]);
    const logs = join(root, 'default_a_uid-a/main');
    mkdirSync(logs, {recursive: true});
    writeFileSync(join(logs, '0.log'), 'x'.repeat(100_000));
    const {limited: found} = await stats.glance();
    expect(found).toMatchObject([{uid: 'uid-a', containers: [{name: 'main', logs: {inodesUsed: 2}}]}]);
    expect(found[0]?.containers[0]?.logs?.usedBytes).toBeGreaterThanOrEqual(100_000);
    // Its writable layer is the runtime's to tell.
    expect(asked).toHaveLength(1);
  });
});

import {existsSync, mkdirSync, readdirSync, readFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, it} from 'vitest';
import {loadKubeletConfig} from '../../../src/config/kubelet.ts';
import {type Cgroups, openCgroups} from '../../../src/edges/cgroups/cgroups.ts';
import {realClock} from '../../../src/edges/clock.ts';
import {startTiers} from '../../../src/kubelet/tiers.ts';
import {silent} from '../../../src/lib/log.ts';

const own = `/nodectl-tiers-${process.pid}`;
const reserved = `${own}-reserved`;
let cgroups: Cgroups;
let events: string[];
let stop: () => void = () => undefined;

beforeEach(async () => {
  cgroups = await openCgroups();
  events = [];
});
afterEach(async () => {
  stop();
  for (const path of [own, reserved]) await cgroups.remove(path);
});

async function start(): Promise<void> {
  const text = `apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
cgroupDriver: cgroupfs
cgroupRoot: ${own}
failCgroupV1: false
enforceNodeAllocatable: [pods, kube-reserved]
kubeReservedCgroup: ${reserved}
kubeReserved: {cpu: 100m, memory: 64Mi, pid: "100"}
`;
  const {config} = loadKubeletConfig([{path: '/config.yaml', text}], {rootDir: tmpdir()}, 'n1');
  const tell = (_: string, reason: string) => events.push(reason);
  ({stop} = await startTiers({config, clock: realClock, log: silent, pods: () => [], tell}));
}

/** A file of the kernel by its controller, name under v1 and name under v2. */
function read(path: string, controller: string, v1: string, v2: string): string {
  const file = cgroups.v2 ? join(path, v2) : join(controller, path, v1);
  return readFileSync(join('/sys/fs/cgroup', file), 'utf8').trim();
}

it('pods and what is reserved have their limits in the kernel', async () => {
  await cgroups.ensure(reserved, {});
  await start();
  expect(read(reserved, 'memory', 'memory.limit_in_bytes', 'memory.max')).toBe(String(64 * 1024 ** 2));
  expect(read(reserved, 'pids', 'pids.max', 'pids.max')).toBe('100');
  expect(read(reserved, 'cpu', 'cpu.shares', 'cpu.weight')).toBe(cgroups.v2 ? '4' : '102');
  expect(Number(read(`${own}/kubepods`, 'pids', 'pids.max', 'pids.max'))).toBeGreaterThan(100);
  expect(Number(read(`${own}/kubepods`, 'memory', 'memory.limit_in_bytes', 'memory.max'))).toBeGreaterThan(0);
  expect(read(`${own}/kubepods/besteffort`, 'cpu', 'cpu.shares', 'cpu.weight')).toBe(cgroups.v2 ? '1' : '2');
  expect(events).toEqual(['NodeAllocatableEnforced']);
});

it('what is reserved in a cgroup that does not exist keeps the kubelet from starting', async () => {
  await expect(start()).rejects.toThrow(
    `the cgroup ${reserved} that enforceNodeAllocatable names does not exist`,
  );
  expect(existsSync(join('/sys/fs/cgroup/memory', reserved))).toBe(false);
});

/** runc makes a pod's cgroup in every hierarchy; a kubelet that is killed has removed it from some. */
it('a cgroup is found, and removed, though only one hierarchy has it', async () => {
  const path = `${own}/kubepods/besteffort`;
  const roots = cgroups.v2 ? [''] : readdirSync('/sys/fs/cgroup');
  for (const root of roots) {
    const pod = `pod-in-${root}`;
    mkdirSync(join('/sys/fs/cgroup', root, path, pod), {recursive: true});
    expect(await cgroups.children(path)).toEqual([pod]);
    await cgroups.remove(`${path}/${pod}`);
    expect(await cgroups.children(path)).toEqual([]);
  }
});

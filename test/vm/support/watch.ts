import {afterEach, expect, onTestFailed} from 'vitest';
import type {Pod} from '../../../src/lib/kubernetes.ts';
import {until} from '../../integration/support/wait.ts';
import type {Vm} from './vm.ts';

/** An emulated processor on a busy machine: waits are for conditions, and say what was there instead. */
export const slow = {timeoutMs: 600_000, everyMs: 500};

export const healthy = {
  ActiveState: 'active',
  SubState: 'running',
  UnitFileState: 'enabled',
  NRestarts: '0',
  Result: 'success',
};

export const hardened = {
  Type: 'notify',
  WatchdogUSec: '1min',
  NoNewPrivileges: 'yes',
  LockPersonality: 'yes',
  RestrictRealtime: 'yes',
  KeyringMode: 'private',
  MemoryMax: '805306368',
  OOMScoreAdjust: '-999',
};

/** The properties of a unit that are asked about. */
export async function show(vm: Vm, unit: string, about: object): Promise<Record<string, string>> {
  const text = await vm.sh(`systemctl show ${unit} --property=${Object.keys(about).join(',')}`);
  return Object.fromEntries(text.split('\n').map((line) => line.split('=', 2)));
}

/** A unit that is just being started becomes active, or says what it is instead. */
export async function expectHealthy(vm: Vm, units: readonly string[]): Promise<void> {
  for (const unit of units)
    await until(`${unit} is active`, async () => (await show(vm, unit, healthy)).SubState === 'running', {
      ...slow,
      instead: () => vm.sh(`systemctl status ${unit} --no-pager || true`),
    });
  for (const unit of units) expect(await show(vm, unit, healthy), unit).toEqual(healthy);
  expect(await vm.sh('systemctl --failed --no-legend')).toBe('');
}

export async function create(vm: Vm, ...objects: readonly object[]): Promise<void> {
  for (const object of objects) await vm.kubectl(['create', '-f', '-'], {input: JSON.stringify(object)});
}

export async function podsOf(vm: Vm): Promise<Pod[]> {
  const {items}: {items: Pod[]} = JSON.parse(await vm.kubectl(['get', 'pods', '-o', 'json']));
  return items;
}

export async function podIs(vm: Vm, name: string, what: string, probe: (pod: Pod) => boolean): Promise<void> {
  await until(
    `pod ${name} ${what}`,
    async () => (await podsOf(vm)).some((pod) => pod.metadata.name === name && probe(pod)),
    {...slow, instead: () => vm.kubectl(['describe', 'pod', name])},
  );
}

export const isReady = ({status}: Pod): boolean =>
  status?.conditions?.some(({type, status: is}) => type === 'Ready' && is === 'True') === true;

/** The slice of a pod, as the systemd driver names it. */
export async function slice(vm: Vm, pod: string, tier: '' | 'burstable' | 'besteffort'): Promise<string> {
  const uid = await vm.kubectl(['get', 'pod', pod, '-o', 'jsonpath={.metadata.uid}']);
  const name = `pod${uid.replaceAll('-', '_')}.slice`;
  const top = '/sys/fs/cgroup/kubepods.slice';
  return tier === '' ? `${top}/kubepods-${name}` : `${top}/kubepods-${tier}.slice/kubepods-${tier}-${name}`;
}

/** Of a cgroup, as the kernel tells them; `absent` where it has no such file. */
export async function kernelValues(
  vm: Vm,
  path: string,
  files: readonly string[],
): Promise<Record<string, string>> {
  const lines = files.map((file) => `cat ${path}/${file} 2>/dev/null || echo absent`);
  const values = (await vm.sh(lines.join('\n'))).split('\n');
  return Object.fromEntries(files.map((file, at) => [file, values[at] ?? '']));
}

const limitFiles = ['cpu.weight', 'cpu.max', 'memory.max', 'memory.min', 'memory.high', 'pids.max'];

/** A Guaranteed and a Burstable pod by what the kernel holds of them; their containers are scopes in their slices. */
export async function expectLimits(vm: Vm, pidsMax: string): Promise<void> {
  // No MemoryQoS: nothing is reserved and nothing throttled (KEP-2570).
  const common = {'memory.min': '0', 'memory.high': 'max', 'pids.max': pidsMax};
  const [first, second] = [await slice(vm, 'guaranteed', ''), await slice(vm, 'burstable', 'burstable')];
  expect(await kernelValues(vm, first, limitFiles)).toEqual({
    'cpu.weight': '10',
    'cpu.max': '25000 100000',
    'memory.max': '67108864',
    ...common,
  });
  expect(await kernelValues(vm, second, limitFiles)).toEqual({
    'cpu.weight': '4',
    'cpu.max': 'max 100000',
    'memory.max': '100663296',
    ...common,
  });
  // The sandbox's, and the container's, which an OOM ends as a whole and which does not swap.
  for (const path of [first, second]) {
    expect(await vm.sh(`cat ${path}/cri-containerd-*.scope/memory.oom.group | sort`)).toBe('0\n1');
    expect(await vm.sh(`cat ${path}/cri-containerd-*.scope/memory.swap.max | sort`)).toBe('0\nmax');
  }
}

/** Every process of a pod by its start: what was not touched has the same. */
export function podProcesses(vm: Vm): Promise<string> {
  const each = 'while read -r pid; do cut -d" " -f1,22 /proc/$pid/stat; done';
  return vm.sh(`find /sys/fs/cgroup/kubepods.slice -name cgroup.procs -exec cat {} + | ${each} | sort`);
}

export async function ask(vm: Vm): Promise<string> {
  const ip = await vm.kubectl(['get', 'service', 'hello', '-o', 'jsonpath={.spec.clusterIP}']);
  return vm.sh(`curl -s --max-time 10 http://${ip}/`);
}

export function answers(vm: Vm): Promise<unknown> {
  return until('the Service answers', async () => /^hello from hello/.test(await ask(vm)), {
    ...slow,
    instead: () => vm.kubectl(['get', 'pods,services,endpointslices', '-o', 'wide']),
  });
}

/** What each step costs, wherever it runs. */
export function tellCosts(machine: () => Vm | undefined): void {
  let before = 0;
  afterEach(({task}) => {
    const now = machine()?.cpuSeconds() ?? before;
    console.info(`${Math.round(now - before)} s of processor time: ${task.name}`);
    before = now;
  });
}

/** A machine is gone with its test: what it had to say is told while it is there. */
export function tellOnFailure(machine: () => Vm): void {
  onTestFailed(async () => {
    const log =
      'journalctl --no-pager --output=cat --lines=30 --unit=nodectl-sandbox --unit=nodectl-kubelet --unit=nodectl-proxy; uptime';
    const said = await machine()
      .sh(`${log}; systemctl list-units --failed --no-pager`)
      .catch(() => machine().console());
    console.error(said);
  }, 120_000);
}

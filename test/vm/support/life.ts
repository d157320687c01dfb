import {afterAll, beforeAll, describe, expect, it, onTestFailed} from 'vitest';
import type {Pod} from '../../../src/lib/kubernetes.ts';
import {until} from '../../integration/support/wait.ts';
import type {Suite} from './image.ts';
import {burstable, guaranteed, settings} from './pods.ts';
import {type State, stateOf} from './state.ts';
import {bootVm, type Vm} from './vm.ts';

const units = ['containerd', 'nodectl-sandbox', 'nodectl-kubelet', 'nodectl-proxy'];
const slow = {timeoutMs: 400_000, everyMs: 500};

/** What a user does with a machine, from one file copied to it until nothing is left of it. */
export function describeLife(suite: Suite): void {
  describe(`a fresh ${suite} machine with systemd and cgroup v2`, () => {
    let vm: Vm;
    let before: State;
    beforeAll(async () => {
      vm = await bootVm(suite);
      before = await stateOf(vm);
    });
    afterAll(() => vm?.remove());

    it('is a node with one file and one command', async () => {
      tellOnFailure(() => vm);
      await vm.copyNodectl();
      const {stdout} = await vm.nodectl('sandbox', 'up');
      expect(stdout).toMatch(/fresh\s+Ready\s+v1\.36\./);
      expect(stdout).toContain('hello from hello-');
    });

    it('runs every daemon as a healthy unit', async () => {
      tellOnFailure(() => vm);
      for (const unit of units) expect(await show(vm, unit, healthy), unit).toEqual(healthy);
      expect(await vm.sh('systemctl --failed --no-legend')).toBe('');
      expect(await vm.sh('pgrep -x kubelet && pgrep -x kube-proxy')).toMatch(/^\d+\n\d+$/);
      expect(await show(vm, 'nodectl-kubelet', hardened)).toEqual(hardened);
    });

    it('pets the watchdog', async () => {
      const pet = () => vm.sh('systemctl show nodectl-kubelet --value --property=WatchdogTimestampMonotonic');
      const first = await pet();
      expect(Number(first)).toBeGreaterThan(0);
      await until('it is petted again', async () => (await pet()) !== first, slow);
    });

    it('runs pods with their volumes, and limits them where the systemd driver does', async () => {
      tellOnFailure(() => vm);
      for (const object of [settings, guaranteed, burstable])
        await vm.kubectl(['create', '-f', '-'], {input: JSON.stringify(object)});
      await vm.kubectl([
        'wait',
        '--for=condition=Ready',
        'pod/guaranteed',
        'pod/burstable',
        '--timeout=150s',
      ]);
      expect(await limits(vm, await slice(vm, 'guaranteed', ''))).toEqual({
        'cpu.weight': '10',
        'cpu.max': '25000 100000',
        'memory.max': '67108864',
      });
      expect(await limits(vm, await slice(vm, 'burstable', 'burstable'))).toEqual({
        'cpu.weight': '4',
        'cpu.max': 'max 100000',
        'memory.max': '100663296',
      });
      const script =
        'cat /settings/a && stat -c %g /memory && grep -c " /memory tmpfs" /proc/mounts && cat /token/namespace';
      expect(await vm.kubectl(['exec', 'guaranteed', '--', 'sh', '-c', script])).toBe(
        ['1', '2000', '1', 'default'].join('\n'),
      );
      expect(await vm.kubectl(['logs', 'guaranteed'])).toBe('begins');
    });

    it('answers through the ClusterIP from the machine, and by name from a pod', async () => {
      tellOnFailure(() => vm);
      expect(await ask(vm)).toMatch(/^hello from hello-/);
      const byName = () => vm.kubectl(['exec', 'burstable', '--', 'wget', '-qO-', 'http://hello']);
      await until(
        'the Service answers by its name',
        async () => /^hello from hello-/.test(await byName()),
        slow,
      );
    });

    it('is all back by itself after a reboot', async () => {
      tellOnFailure(() => vm);
      const pods = await podsOf(vm);
      await vm.reboot();
      await until('every container runs again', async () => (await podsOf(vm)).every(isReady(1)), {
        ...slow,
        instead: () => vm.kubectl(['describe', 'pods']),
      });
      expect((await podsOf(vm)).map(identity)).toEqual(pods.map(identity));
      await until('the Service answers', async () => /^hello from hello-/.test(await ask(vm)), slow);
      for (const unit of units) expect(await show(vm, unit, healthy), unit).toEqual(healthy);
    });

    it('is as it was when the sandbox is taken down', async () => {
      tellOnFailure(() => vm);
      await vm.nodectl('sandbox', 'down');
      expect(await stateOf(vm)).toEqual(before);
    });
  });
}

const healthy = {
  ActiveState: 'active',
  SubState: 'running',
  UnitFileState: 'enabled',
  NRestarts: '0',
  Result: 'success',
};

const hardened = {
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
async function show(vm: Vm, unit: string, about: object): Promise<Record<string, string>> {
  const text = await vm.sh(`systemctl show ${unit} --property=${Object.keys(about).join(',')}`);
  return Object.fromEntries(text.split('\n').map((line) => line.split('=', 2)));
}

async function podsOf(vm: Vm): Promise<Pod[]> {
  const {items}: {items: Pod[]} = JSON.parse(await vm.kubectl(['get', 'pods', '-o', 'json']));
  return items;
}

const identity = ({metadata}: Pod) => `${metadata.name} ${metadata.uid}`;

/** Kubernetes counts the start after a reboot as a restart of each container. */
const isReady =
  (restarts: number) =>
  ({status}: Pod) =>
    status?.conditions?.some(({type, status: is}) => type === 'Ready' && is === 'True') === true &&
    status.containerStatuses?.every(({restartCount}) => restartCount === restarts) === true;

async function slice(vm: Vm, pod: string, tier: string): Promise<string> {
  const uid = await vm.kubectl(['get', 'pod', pod, '-o', 'jsonpath={.metadata.uid}']);
  const name = `pod${uid.replaceAll('-', '_')}.slice`;
  const top = '/sys/fs/cgroup/kubepods.slice';
  return tier === '' ? `${top}/kubepods-${name}` : `${top}/kubepods-${tier}.slice/kubepods-${tier}-${name}`;
}

/** Of the pod's slice; its containers are scopes directly in it, made by the runtime. */
async function limits(vm: Vm, path: string): Promise<Record<string, string>> {
  expect(await vm.sh(`ls -d ${path}/cri-containerd-*.scope | wc -l`)).toBe('2');
  const files = ['cpu.weight', 'cpu.max', 'memory.max'];
  const values = (await vm.sh(`cd ${path} && cat ${files.join(' ')}`)).split('\n');
  return Object.fromEntries(files.map((file, at) => [file, values[at] ?? '']));
}

async function ask(vm: Vm): Promise<string> {
  const ip = await vm.kubectl(['get', 'service', 'hello', '-o', 'jsonpath={.spec.clusterIP}']);
  return vm.sh(`curl -s --max-time 10 http://${ip}/`);
}

/** A machine is gone with its test: what it had to say is told while it is there. */
function tellOnFailure(machine: () => Vm): void {
  onTestFailed(async () => {
    const log =
      'journalctl --no-pager --output=cat --lines=30 --unit=nodectl-sandbox --unit=nodectl-kubelet --unit=nodectl-proxy; uptime';
    const said = await machine()
      .sh(`${log}; systemctl list-units --failed --no-pager`)
      .catch(() => machine().console());
    console.error(said);
  }, 120_000);
}

import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {until} from '../../integration/support/wait.ts';
import type {Suite} from './image.ts';
import {expectMemory, giveMemory, takeMemoryBack} from './memory.ts';
import {burstable, greedy, guaranteed, settings} from './pods.ts';
import {type State, stateOf} from './state.ts';
import {bootVm, type Vm} from './vm.ts';
import {
  answers,
  ask,
  create,
  expectHealthy,
  expectLimits,
  hardened,
  isReady,
  podIs,
  podProcesses,
  podsOf,
  show,
  slow,
  tellCosts,
  tellOnFailure,
} from './watch.ts';

const units = ['containerd', 'nodectl-sandbox', 'nodectl-kubelet', 'nodectl-proxy'];
const minutes = 60_000;

/** What a user does with a machine alone, from one file copied to it until nothing is left of it. */
export function describeLife(suite: Suite): void {
  describe(`a fresh ${suite} machine with systemd and cgroup v2`, {timeout: 30 * minutes}, () => {
    let vm: Vm;
    let before: State;
    tellCosts(() => vm);
    beforeAll(async () => {
      vm = await bootVm(suite);
      before = await stateOf(vm);
    }, 30 * minutes);
    afterAll(() => vm?.remove());

    it('is a node with one file and one command', async () => {
      tellOnFailure(() => vm);
      await vm.copyNodectl();
      const {stdout} = await vm.nodectl('sandbox', 'up');
      expect(stdout).toMatch(/fresh\s+Ready\s+v1\.36\./);
      expect(stdout).toContain('hello from hello-');
    });

    it('runs every daemon as a healthy unit, and pets the watchdog', async () => {
      tellOnFailure(() => vm);
      await expectHealthy(vm, units);
      expect(await vm.sh('pgrep -x kubelet && pgrep -x kube-proxy')).toMatch(/^\d+\n\d+$/);
      expect(await show(vm, 'nodectl-kubelet', hardened)).toEqual(hardened);
      const pet = () => vm.sh('systemctl show nodectl-kubelet --value --property=WatchdogTimestampMonotonic');
      const first = await pet();
      expect(Number(first)).toBeGreaterThan(0);
      await until('it is petted again', async () => (await pet()) !== first, slow);
    });

    it('runs pods with their volumes, and limits them where the systemd driver does', async () => {
      tellOnFailure(() => vm);
      await create(vm, settings, guaranteed, burstable, greedy);
      for (const name of ['guaranteed', 'burstable']) await podIs(vm, name, 'is Ready', isReady);
      await expectLimits(vm, 'max');
      const script =
        'cat /settings/a && stat -c %g /memory && grep -c " /memory tmpfs" /proc/mounts && cat /token/namespace';
      expect(await vm.kubectl(['exec', 'guaranteed', '--', 'sh', '-c', script])).toBe(
        ['1', '2000', '1', 'default'].join('\n'),
      );
      expect(await vm.kubectl(['logs', 'guaranteed'])).toBe('begins');
    });

    it('tells of a container that the kernel ended for its memory', async () => {
      tellOnFailure(() => vm);
      await podIs(vm, 'greedy', 'was OOMKilled', ({status}) => {
        const ended = status?.containerStatuses?.[0]?.state?.terminated;
        return ended?.reason === 'OOMKilled' && ended.exitCode === 137;
      });
      await vm.kubectl(['delete', 'pod', 'greedy', '--wait=false']);
    });

    it('answers through the ClusterIP from the machine, and by name from a pod', async () => {
      tellOnFailure(() => vm);
      await answers(vm);
      const byName = () => vm.kubectl(['exec', 'burstable', '--', 'wget', '-qO-', 'http://hello']);
      await until(
        'the Service answers by its name',
        async () => /^hello from hello-/.test(await byName()),
        slow,
      );
    });

    it('finds nothing wrong, with a pod of its own too', async () => {
      tellOnFailure(() => vm);
      type Report = {checks: {name: string; state: string; findings?: {code: string}[]}[]};
      const report: Report = JSON.parse(
        await vm.sh('/root/nodectl status --probe -o json || true', {timeoutMs: 10 * minutes}),
      );
      // The address that qemu gives is each machine's, and an emulated processor may be too slow for a look's seconds:
      // what was not seen in time is no finding.
      const codes = report.checks.flatMap(({findings = []}) => findings.map(({code}) => code));
      expect(codes.filter((code) => code !== 'ND206' && code !== 'ND115')).toEqual([]);
      const probes = report.checks.filter(({name}) => name.startsWith('Probe'));
      expect(probes.map(({name}) => name)).toEqual(expect.arrayContaining(['ProbeSandbox', 'ProbeCgroup']));
    });

    it('gives pods of its swap and huge pages, and keeps their memory', async () => {
      tellOnFailure(() => vm);
      await giveMemory(vm);
      await expectMemory(vm);
      await takeMemoryBack(vm);
      await expectHealthy(vm, units);
    });

    it('starts another kubelet, and another nodectl, without touching a container', async () => {
      tellOnFailure(() => vm);
      await until(
        'greedy is gone',
        async () => (await podsOf(vm)).every(({metadata}) => metadata.name !== 'greedy'),
        slow,
      );
      const [processes, kubelet] = [await podProcesses(vm), await vm.sh('pgrep -x kubelet')];
      expect((await vm.nodectl('restart', 'kubelet')).stdout).toContain('nodectl-kubelet was started');
      expect(await vm.sh('pgrep -x kubelet')).not.toBe(kubelet);
      expect(await podProcesses(vm)).toBe(processes);
      await vm.sh('cd /root && cp nodectl next && echo >>next && sha256sum next >next.sha256');
      const {stdout} = await vm.nodectl('upgrade', '/root/next', '--health-timeout', '600');
      expect(stdout).toMatch(/^Upgraded to nodectl/);
      expect(await vm.sh('cmp /root/next /usr/local/bin/nodectl && rm /root/next /root/next.sha256')).toBe(
        '',
      );
      expect(await podProcesses(vm)).toBe(processes);
      await expectHealthy(vm, units);
    });

    it('is all back by itself after a reboot', async () => {
      tellOnFailure(() => vm);
      const pods = await podsOf(vm);
      await vm.reboot();
      await until('every container runs again', async () => (await podsOf(vm)).every(isReadyAgain), {
        ...slow,
        instead: () => vm.kubectl(['describe', 'pods']),
      });
      expect((await podsOf(vm)).map(identity)).toEqual(pods.map(identity));
      await until('the Service answers', async () => /^hello from hello-/.test(await ask(vm)), slow);
      await expectHealthy(vm, units);
    });

    it('is as it was when the sandbox is taken down', async () => {
      tellOnFailure(() => vm);
      await vm.nodectl('sandbox', 'down');
      expect(await stateOf(vm)).toEqual(before);
    });
  });
}

const identity = ({metadata}: Awaited<ReturnType<typeof podsOf>>[number]) =>
  `${metadata.name} ${metadata.uid}`;

/** Kubernetes counts the start after a reboot as a restart of each container. */
const isReadyAgain = (pod: Awaited<ReturnType<typeof podsOf>>[number]): boolean =>
  isReady(pod) && pod.status?.containerStatuses?.every(({restartCount}) => restartCount === 1) === true;

import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {until} from '../../integration/support/wait.ts';
import type {Suite} from './image.ts';
import {type Outside, startOutside} from './outside.ts';
import {bomb, burstable, guaranteed, settings, web, webService} from './pods.ts';
import {type State, stateOf} from './state.ts';
import {bootVm, type Vm} from './vm.ts';
import {
  answers,
  create,
  expectHealthy,
  expectLimits,
  isReady,
  podIs,
  podsOf,
  slice,
  slow,
  tellCosts,
  tellOnFailure,
} from './watch.ts';

const units = ['containerd', 'nodectl-kubelet', 'nodectl-proxy'];
const minutes = 60_000;
const pidsLimit = 48;

/** kubeadm's --patches: what the cluster's own configuration does not say. */
const patch = JSON.stringify([
  {op: 'add', path: '/shutdownGracePeriod', value: '20s'},
  {op: 'add', path: '/shutdownGracePeriodCriticalPods', value: '5s'},
  {op: 'replace', path: '/podPidsLimit', value: pidsLimit},
]);

/** A worker of a cluster elsewhere: planned, agreed to, applied, shut down with care, and undone. */
export function describeJoined(suite: Suite): void {
  describe(`a fresh ${suite} machine that joins a cluster by a plan`, {timeout: 30 * minutes}, () => {
    let vm: Vm;
    let cluster: Outside;
    let before: State;
    tellCosts(() => vm);
    beforeAll(async () => {
      [vm, cluster] = await Promise.all([bootVm(suite), startOutside()]);
      vm.follow(cluster.kubeconfig);
      before = await stateOf(vm);
    }, 30 * minutes);
    afterAll(async () => {
      await vm?.remove();
      await cluster?.remove();
    });

    it('plans, changes nothing by that, and does what was planned', async () => {
      tellOnFailure(() => vm);
      await vm.copyNodectl();
      await vm.write('/root/given/patches/kubeletconfiguration0+json.json', patch);
      await vm.write('/root/given/proxy.conf', cluster.proxyKubeconfig);
      const token = cluster.words[cluster.words.indexOf('--token') + 1] ?? '';
      await vm.write('/root/given/token', token);
      const secrets = ['--token', '@/root/given/token', '--proxy-kubeconfig', '/root/given/proxy.conf'];
      const words = cluster.words.filter((word) => word !== '--token' && word !== token);
      const more = ['--proxy', 'nodectl', '--node-ip', '10.0.2.15', '--patches', '/root/given/patches'];
      const wish = ['--wait-timeout', '600', '--plan', '-o', 'json', '>/root/given/plan.json'];
      await vm.nodectl('join', ...words, ...secrets, ...more, ...wish);
      expect(await vm.sh('test ! -e /etc/kubernetes && test ! -e /var/lib/nodectl && echo untouched')).toBe(
        'untouched',
      );
      expect(await vm.sh('cat /root/given/plan.json')).not.toContain(token);
      const {stdout} = await vm.nodectl('apply', '/root/given/plan.json', ...secrets);
      expect(stdout).toMatch(/fresh/);
      expect(await vm.kubectl(['get', 'node', 'fresh'])).toMatch(/fresh\s+Ready\s/);
      await expectHealthy(vm, units);
    });

    it('limits pods where the systemd driver does, also in processes', async () => {
      tellOnFailure(() => vm);
      await create(vm, settings, guaranteed, burstable, bomb, web, webService);
      for (const name of ['guaranteed', 'burstable', 'hello']) await podIs(vm, name, 'is Ready', isReady);
      await expectLimits(vm, String(pidsLimit));
      const path = await slice(vm, 'bomb', 'besteffort');
      expect(await vm.sh(`cat ${path}/pids.max`)).toBe(String(pidsLimit));
      // Until Linux 6.11 the failed fork counts where it was tried, not where its limit is.
      const events = () => vm.sh(`cat ${path}/pids.events ${path}/*/pids.events`);
      await until('the bomb may not fork', async () => /^max [1-9]/m.test(await events()), {
        ...slow,
        instead: () => vm.sh(`grep -H '' ${path}/pids.* ${path}/*/pids.*`),
      });
      await answers(vm);
    });

    it('holds a shutdown back by logind', async () => {
      tellOnFailure(() => vm);
      expect(await vm.sh('systemd-inhibit --list --no-pager --no-legend')).toMatch(
        /kubelet .*shutdown .*Kubelet needs time to handle node shutdown\s+delay/,
      );
      const property = 'org.freedesktop.login1.Manager InhibitDelayMaxUSec';
      expect(
        await vm.sh(`busctl get-property org.freedesktop.login1 /org/freedesktop/login1 ${property}`),
      ).toBe('t 20000000');
    });

    it('ends its pods before it reboots, and is a node again', async () => {
      tellOnFailure(() => vm);
      await vm.reboot();
      await podIs(
        vm,
        'burstable',
        'was ended by the shutdown',
        ({status}) => status?.conditions?.some(({type}) => type === 'DisruptionTarget') === true,
      );
      const ended = (await podsOf(vm)).find(({metadata}) => metadata.name === 'burstable');
      // Its trap for SIGTERM answered: it was asked, not killed, and so it has succeeded.
      expect(ended?.status?.phase).toBe('Succeeded');
      expect(ended?.status?.containerStatuses?.[0]?.state?.terminated?.exitCode).toBe(0);
      await expectHealthy(vm, units);
      await vm.kubectl(['delete', 'pods', '--all', '--wait=false', '--grace-period=0', '--force']);
      await create(vm, web);
      await podIs(vm, 'hello', 'is Ready', isReady);
      await answers(vm);
    });

    it('is as it was after a reset', async () => {
      tellOnFailure(() => vm);
      const {left}: {left: {what: string; why: string}[]} = JSON.parse(
        (await vm.nodectl('reset', '-o', 'json')).stdout,
      );
      // The kernel keeps a module that another one needs, which it loaded by itself.
      expect(left.filter(({what, why}) => !what.startsWith('module ') || why !== 'it is in use')).toEqual([]);
      await vm.sh('rm -r /root/given');
      expect(await stateOf(vm)).toEqual(before);
    });
  });
}

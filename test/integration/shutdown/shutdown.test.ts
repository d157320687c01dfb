import {readFileSync} from 'node:fs';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {realClock} from '../../../src/edges/clock.ts';
import {openLogind} from '../../../src/edges/systemd/logind.ts';
import {type Shutdown, startShutdown} from '../../../src/kubelet/shutdown/manager.ts';
import {silent} from '../../../src/lib/log.ts';
import {isReady, shell, sleeper, startNode, statusOf, type TestNode} from '../kubelet/harness.ts';
import {until} from '../support/wait.ts';
import {type FakeLogind, startFakeLogind} from './fake-logind.ts';

/** Stands in for systemd-inhibit: logind's answer is a descriptor, which the bus of this test cannot carry. */
const inhibitor = ['env'];

describe('logind, over a real bus', () => {
  let fake: FakeLogind;
  beforeAll(async () => {
    fake = await startFakeLogind(5);
  });
  afterAll(async () => {
    await fake?.stop();
  });
  const open = () => openLogind({clock: realClock, inhibitor, bus: fake.bus, confDir: fake.confDir});

  it('tells its delay, and takes a longer one by a drop-in', async () => {
    const logind = open();
    expect(await logind.inhibitDelayMs()).toBe(5_000);
    await logind.raiseInhibitDelay(33_000);
    expect(await logind.inhibitDelayMs()).toBe(33_000);
    expect(readFileSync(`${fake.confDir}/99-kubelet.conf`, 'utf8')).toBe(
      '# Kubelet logind override\n[Login]\nInhibitDelayMaxSec=33\n',
    );
  });

  it('tells of shutdowns and of their cancellation', async () => {
    const told: boolean[] = [];
    const watch = open().watch((begins) => told.push(begins));
    await until(
      'the first',
      () => {
        if (told.length === 0) fake.prepareForShutdown(true);
        return told.length > 0;
      },
      {everyMs: 200},
    );
    fake.prepareForShutdown(false);
    await until('the cancellation', () => told.at(-1) === false);
    watch.stop();
    await watch.ended;
  });

  it('gives a lock that ends when it is released', async () => {
    const lock = await open().inhibit();
    await lock.release();
  });

  it('says that there is no lock where none can be had', async () => {
    const none = openLogind({clock: realClock, inhibitor: ['false'], bus: fake.bus});
    await expect(none.inhibit()).rejects.toThrow('the lock of logind is gone');
  });
});

describe('a shutdown', () => {
  let node: TestNode;
  let fake: FakeLogind;
  let shutdown: Shutdown | undefined;
  const order: string[] = [];
  const told: string[] = [];

  beforeAll(async () => {
    fake = await startFakeLogind(5);
    node = await startNode({subnet: '10.89.41.0/24', refuse: () => shutdown?.refuse()});
  }, 60_000);
  afterAll(async () => {
    await shutdown?.stop();
    await node?.stop();
    await fake?.stop();
  });

  it('ends pods by their priority, refuses new ones, and goes on when they are gone', async () => {
    let released = false;
    const logind = openLogind({clock: realClock, inhibitor, bus: fake.bus, confDir: fake.confDir});
    await node.create('common', {
      terminationGracePeriodSeconds: 30,
      containers: [shell('main', 'trap "sleep 1; exit 0" TERM; while :; do sleep 1; done')],
    });
    await node.create('critical', {
      priority: 2_000_000_000,
      priorityClassName: 'system-cluster-critical',
      containers: [shell('main', 'trap "exit 3" TERM; while :; do sleep 3600 & wait $!; done')],
    });
    for (const name of ['common', 'critical']) await node.waitFor(name, 'Ready', isReady);
    const agent = node.agent();
    shutdown = startShutdown({
      config: {...node.config, shutdownGracePeriod: 30_000, shutdownGracePeriodCriticalPods: 10_000},
      clock: realClock,
      log: silent,
      logind: {
        ...{
          inhibitDelayMs: () => logind.inhibitDelayMs(),
          raiseInhibitDelay: (ms) => logind.raiseInhibitDelay(ms),
        },
        watch: (onShutdown) => logind.watch(onShutdown),
        async inhibit() {
          const lock = await logind.inhibit();
          return {
            async release() {
              released = true;
              await lock.release();
            },
          };
        },
      },
      active: agent.active,
      end: (uid, verdict) => {
        order.push(agent.pods().find(({metadata}) => metadata.uid === uid)?.metadata.name ?? '');
        agent.end(uid, verdict);
      },
      isCleanedUp: agent.isCleanedUp,
      tellNode: (message) => told.push(message),
      onChange: () => undefined,
    });
    expect(shutdown.problem()).toBeUndefined();
    await until(
      'the shutdown',
      () => {
        if (told.length === 0) fake.prepareForShutdown(true);
        return shutdown?.problem() === 'node is shutting down';
      },
      {everyMs: 200},
    );
    await node.create('late', {containers: [sleeper('main')]});
    const late = await node.waitFor('late', 'refused', ({status}) => status?.phase === 'Failed');
    expect(late.status).toMatchObject({
      reason: 'NodeShutdown',
      message: 'Pod was rejected: Pod was rejected as the node is shutting down.',
    });
    await until('the lock is released', () => released);
    expect(order).toEqual(['common', 'critical']);
    const message = 'Pod was terminated in response to imminent node shutdown.';
    const ends = {
      common: {phase: 'Succeeded'},
      critical: {phase: 'Failed', reason: 'Terminated', message},
    };
    for (const [name, end] of Object.entries(ends)) {
      const pod = await node.waitFor(name, 'ended', ({status}) => status?.phase === end.phase);
      expect(pod.status).toMatchObject(end);
      expect(pod.status?.conditions?.find(({type}) => type === 'DisruptionTarget')).toMatchObject({
        status: 'True',
        reason: 'TerminationByKubelet',
        message,
      });
    }
    // Its own grace, not SIGKILL.
    const common = await node.get('common');
    expect(common && statusOf(common, 'main')?.state?.terminated?.exitCode).toBe(0);
    const state = JSON.parse(readFileSync(`${node.config.rootDir}/graceful_node_shutdown_state`, 'utf8'));
    expect(Date.parse(state.endTime)).toBeGreaterThan(Date.parse(state.startTime));
    fake.prepareForShutdown(false);
    await until('it was cancelled', () => shutdown?.problem() === undefined);
    expect(shutdown.refuse()).toBeUndefined();
    expect(told).toEqual([
      'Shutdown manager detected shutdown event',
      'Shutdown manager detected shutdown cancellation',
    ]);
  }, 60_000);
});

import {mkdir, mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import type {KubeletConfig} from '../../../src/config/kubelet.ts';
import {realClock} from '../../../src/edges/clock.ts';
import {startEventRecorder} from '../../../src/edges/kube/events.ts';
import {run} from '../../../src/edges/process/exec.ts';
import {type Guard, type GuardOptions, startGuard} from '../../../src/kubelet/guard.ts';
import type {Event, Pod} from '../../../src/lib/kubernetes.ts';
import {silent} from '../../../src/lib/log.ts';
import {events} from '../../../src/lib/resources.ts';
import {nodeName, startNode, type TestNode} from '../kubelet/harness.ts';

export const mi = 1024 * 1024;
export const pidsLimit = 120;

/** A node whose own file system is a small tmpfs, and what keeps it able to work. */
export type GuardedNode = TestNode & {
  guard(): Guard;
  /** Ends the guard and begins another with these settings and readings. */
  reguard(config: Partial<KubeletConfig>, machine?: GuardOptions['machine']): Promise<Guard>;
  eventsOf(name: string): Promise<Event[]>;
};

export async function startGuardedNode(subnet: string, diskBytes: number): Promise<GuardedNode> {
  const disk = await mkdtemp(join(tmpdir(), 'nodectl-disk-'));
  await run('mount', ['-t', 'tmpfs', '-o', `size=${diskBytes}`, 'nodefs', disk]);
  const takeDown = async () => {
    await run('umount', ['-R', '-l', disk]);
    await rm(disk, {recursive: true});
  };
  try {
    return await assemble(subnet, disk, takeDown);
  } catch (error) {
    await takeDown();
    throw error;
  }
}

async function assemble(subnet: string, disk: string, takeDown: () => Promise<void>): Promise<GuardedNode> {
  const places = {rootDir: `${disk}/kubelet`, podLogsDir: `${disk}/logs`};
  for (const path of [places.rootDir, places.podLogsDir]) await mkdir(path);
  let guard: Guard | undefined;
  const node = await startNode({
    subnet,
    statsSeconds: 1,
    config: {...places, volumeStatsAggPeriod: 300, podPidsLimit: pidsLimit},
    refuse: (pod, isStatic) => guard?.refuse(pod, isStatic),
  });
  const {client} = node.sandbox;
  const recorder = startEventRecorder({
    client,
    clock: realClock,
    log: silent,
    component: 'kubelet',
    host: nodeName,
  });
  return {
    ...node,
    guard: () => {
      if (guard === undefined) throw new Error('there is no guard');
      return guard;
    },
    async reguard(config, machine) {
      await guard?.stop();
      guard = await startGuard({
        config: {...node.config, evictionHard: {}, ...config},
        cri: node.containerd.cri,
        clock: realClock,
        log: silent,
        recorder,
        agent: node.agent(),
        onChange: () => undefined,
        everyMs: 250,
        ...(machine === undefined ? {} : {machine}),
      });
      return guard;
    },
    async eventsOf(name) {
      const {items} = await client.list(events, {namespace: 'default'});
      return items.filter(({involvedObject}) => involvedObject.name === name);
    },
    async stop() {
      await guard?.stop();
      await recorder.stop();
      await node.stop();
      await takeDown();
    },
  };
}

export const isEvicted = ({status}: Pod): boolean =>
  status?.phase === 'Failed' && status.reason === 'Evicted';

export function disruption({status}: Pod) {
  return status?.conditions?.find(({type}) => type === 'DisruptionTarget');
}

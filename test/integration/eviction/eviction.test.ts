import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {CgroupReader} from '../../../src/edges/cgroups/cgroup-stats.ts';
import {type NodeSample, sampleNode} from '../../../src/edges/machine/node-sample.ts';
import type {Pod} from '../../../src/lib/kubernetes.ts';
import {isReady, shell, sleeper, statusOf} from '../kubelet/harness.ts';
import {until} from '../support/wait.ts';
import {disruption, type GuardedNode, isEvicted, mi, pidsLimit, startGuardedNode} from './fixture.ts';

let node: GuardedNode;
let bystander: Pod;

beforeAll(async () => {
  node = await startGuardedNode('10.89.40.0/24', 48 * mi);
  await node.reguard({});
  await node.create('bystander', {terminationGracePeriodSeconds: 1, containers: [sleeper('main')]});
  bystander = await node.waitFor('bystander', 'Ready', isReady);
}, 60_000);

afterAll(async () => {
  await node?.stop();
});

/** The pod goes, and the node is well again. */
async function finish(name: string): Promise<void> {
  await node.reguard({});
  await node.remove(name, 0);
  await node.gone(name);
}

/** Whatever has become of the others: this one has not been touched. */
async function expectUntouched(): Promise<void> {
  const now = await node.get('bystander');
  expect(now && statusOf(now, 'main')?.containerID).toBe(statusOf(bystander, 'main')?.containerID);
  expect(now && isReady(now)).toBe(true);
}

describe('a pod that stores more than it may', () => {
  it('in its writable layer ends as Failed and stays so (e2e: evicted pods should be terminal)', async () => {
    await node.create('layer', {
      restartPolicy: 'OnFailure',
      containers: [
        shell('bar', 'dd if=/dev/zero of=/file bs=1M count=10; sleep 10000', {
          resources: {limits: {'ephemeral-storage': '5Mi'}},
        }),
      ],
    });
    const {status} = await node.waitFor('layer', 'evicted', isEvicted, 60_000);
    expect(status?.message).toBe(
      'Pod ephemeral local storage usage exceeds the total limit of containers 5Mi. ',
    );
    expect(status?.containerStatuses?.[0]?.state?.terminated?.exitCode).toBe(137);
    const told = await until('the event', async () =>
      (await node.eventsOf('layer')).find(({reason}) => reason === 'Evicted'),
    );
    // Kubernetes' own words end with a space.
    expect(told).toMatchObject({type: 'Warning', message: `${status?.message}(nodectl explain ND744)`});
    await node.restart();
    await node.reguard({});
    expect((await node.get('layer'))?.status?.reason).toBe('Evicted');
    await finish('layer');
    await expectUntouched();
  });

  it('in an emptyDir ends', async () => {
    const volumes = [{name: 'scratch', emptyDir: {sizeLimit: '2Mi'}}];
    const volumeMounts = [{name: 'scratch', mountPath: '/scratch'}];
    const script = 'dd if=/dev/zero of=/scratch/f bs=1M count=3; sleep 10000';
    await node.create('volume', {volumes, containers: [shell('main', script, {volumeMounts})]});
    const pod = await node.waitFor('volume', 'evicted', isEvicted);
    expect(pod.status?.message).toBe('Usage of EmptyDir volume "scratch" exceeds the limit "2Mi". ');
    expect(disruption(pod)).toBeUndefined();
    await finish('volume');
    await expectUntouched();
  });

  it('in its logs ends', async () => {
    const limits = {resources: {limits: {'ephemeral-storage': '1Mi'}}};
    const containers = [
      shell(
        'main',
        'i=0; while [ $i -lt 30000 ]; do i=$((i+1)); echo "a line of forty characters, all in all $i"; done; sleep 10000',
        limits,
      ),
    ];
    await node.create('logs', {containers});
    const {status} = await node.waitFor('logs', 'evicted', isEvicted, 60_000);
    expect(status?.message).toMatch(/exceeds the total limit of containers 1Mi/);
    await finish('logs');
    await expectUntouched();
  });
});

describe('a node that runs short', () => {
  it('of memory evicts who uses most above the request, and takes no best-effort pod', async () => {
    const hog = shell('hog', 'head -c 90000000 /dev/zero | tail -c 90000000 | sleep 10000', {
      resources: {requests: {memory: '16Mi'}},
    });
    await node.create('hog', {terminationGracePeriodSeconds: 30, containers: [hog]});
    await node.waitFor('hog', 'Ready', isReady);
    // The cgroup of all pods stands for a machine of 128 MiB.
    const machine = {
      node: (cgroups: CgroupReader): NodeSample => ({
        ...sampleNode(cgroups),
        memoryBytes: 128 * mi,
        root: cgroups.sample(`${node.config.cgroupRoot}/kubepods`) ?? {io: [], limits: {}},
      }),
    };
    const guard = await node.reguard({evictionHard: {'memory.available': '60Mi'}}, machine);
    const pod = await node.waitFor('hog', 'evicted', isEvicted, 60_000);
    expect(pod.status?.message).toMatch(
      /^The node was low on resource: memory\. Threshold quantity: 60Mi, available: \d+(Ki|Mi|)\. Container hog was using \d+(Ki|Mi|), request is 16Mi, has larger consumption of memory\. $/,
    );
    expect(disruption(pod)).toMatchObject({
      status: 'True',
      reason: 'TerminationByKubelet',
      message: pod.status?.message,
    });
    const told = (await node.eventsOf('hog')).find(({reason}) => reason === 'Evicted');
    expect(told?.metadata.annotations).toMatchObject({
      offending_containers: 'hog',
      starved_resource: 'memory',
    });
    expect(guard.pressure()).toEqual({memory: true, disk: false, pid: false});
    await node.create('refused', {containers: [sleeper('main')]});
    const refused = await node.waitFor('refused', 'refused', isEvicted);
    expect(refused.status?.message).toBe('Pod was rejected: The node had condition: [MemoryPressure]. ');
    await finish('refused');
    await finish('hog');
    await expectUntouched();
  });

  it('of disk, filled by a log, evicts the writer and recovers', async () => {
    const lines =
      'i=0; while [ $i -lt 40 ]; do i=$((i+1)); head -c 1000000 /dev/zero | tr "\\0" x; echo; done';
    await node.create('writer', {containers: [shell('main', `${lines}; sleep 10000`)]});
    const guard = await node.reguard({
      evictionHard: {'nodefs.available': '24Mi'},
      evictionPressureTransitionPeriod: 1_000,
    });
    const pod = await node.waitFor('writer', 'evicted', isEvicted, 60_000);
    expect(pod.status?.message).toMatch(
      /^The node was low on resource: ephemeral-storage\. Threshold quantity: 24Mi/,
    );
    await node.remove('writer', 0);
    await node.gone('writer');
    await until('no more pressure', () => !guard.pressure().disk);
    await expectUntouched();
  });

  it('is not brought down by a fork bomb under the limit of its pod', async () => {
    await node.reguard({});
    await node.create('bomb', {containers: [shell('main', 'b() { b | b & }; b; sleep 10000')]});
    const pids = async () =>
      (await node.guard().stats.get(0)).pods.find(({name}) => name === 'bomb')?.measured?.sample.pids;
    const seen = await until('the limit', async () => {
      const found = await pids();
      return found !== undefined && found.current >= pidsLimit - 10 && found;
    });
    expect(seen.limit).toBe(pidsLimit);
    expect(seen.current).toBeLessThanOrEqual(pidsLimit);
    await finish('bomb');
    await expectUntouched();
  });

  it('of process ids evicts who has most of them', async () => {
    const bomb = 'i=0; while [ $i -lt 60 ]; do i=$((i+1)); sleep 10000 & done; wait';
    await node.create('many', {containers: [shell('main', bomb)]});
    const count = async () =>
      (await node.guard().stats.get(0)).pods.find(({name}) => name === 'many')?.containers[0]?.pids.length;
    await until('sixty processes', async () => ((await count()) ?? 0) > 60);
    const machine = {
      node: (cgroups: CgroupReader): NodeSample => ({
        ...sampleNode(cgroups),
        pids: {max: 100, running: cgroups.sample(`${node.config.cgroupRoot}/kubepods`)?.pids?.current ?? 0},
      }),
    };
    await node.reguard({evictionHard: {'pid.available': '50'}}, machine);
    const pod = await node.waitFor('many', 'evicted', isEvicted, 60_000);
    expect(pod.status?.message).toMatch(
      /^The node was low on resource: pids\. Threshold quantity: 50, available: -?\d+\. /,
    );
    await finish('many');
    await expectUntouched();
  });
});

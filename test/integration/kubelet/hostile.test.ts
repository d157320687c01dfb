import {existsSync, readFileSync} from 'node:fs';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {Pod} from '../../../src/lib/kubernetes.ts';
import {events} from '../../../src/lib/resources.ts';
import {busyboxFiles, importImage} from '../support/images.ts';
import {until} from '../support/wait.ts';
import {isReady, shell, sleeper, startNode, statusOf, type TestNode} from './harness.ts';

let node: TestNode;
let bystander: Pod;
const podPidsLimit = 48;
const hostileUser = 'test.local/hostile-user:1';
const hostileImage = 'test.local/hostile-volumes:1';
/** A place on the machine that an image wants to reach. */
const outside = `/nodectl-escape-${process.pid}`;
const grace = {terminationGracePeriodSeconds: 1};
const never = {...grace, restartPolicy: 'Never'};

const nonsense = [
  '::::',
  'test.local/UPPER',
  '../../etc/passwd',
  '--help',
  `test.local/${'a/'.repeat(2000)}b`,
  '__proto__:constructor@sha256:zz',
];
const longName = `n${'x'.repeat(180)}`;
const annotations = Object.fromEntries(Array.from({length: 200}, (_, at) => [`a${at}`, 'x'.repeat(1000)]));
const labels = {constructor: 'a', toString: 'b'};
const manyVariables = Array.from({length: 3000}, (_, at) => ({name: `V${at}`, value: `value-${at}`}));
const lines =
  'i=0; while [ $i -lt 2000 ]; do echo "line $i"; i=$((i+1)); done > /dev/termination-log; exit 1';

const crowd = 20;

/** All of them at the same time, each as bad as it can be. */
const createAll = () =>
  Promise.all([
    node.create('bomb', {
      ...grace,
      containers: [shell('main', '(while :; do sleep 3600 & done) & exec sleep 3600')],
    }),
    node.create('talks', {...never, containers: [shell('main', lines)]}),
    node.create('last-words', {
      ...never,
      containers: [
        shell('main', 'head -c 300000 /dev/zero; exit 3', {
          terminationMessagePolicy: 'FallbackToLogsOnError',
        }),
      ],
    }),
    node.create('many-variables', {
      ...never,
      containers: [shell('main', '[ "$V2999" = value-2999 ]', {env: manyVariables})],
    }),
    node.create('big-variable', {
      ...grace,
      containers: [shell('main', 'exit 0', {env: [{name: 'V', value: 'x'.repeat(1 << 20)}]})],
    }),
    node.create('deaf', {...grace, containers: [shell('main', 'trap "" TERM; while :; do sleep 1; done')]}),
    node.create('images', {...grace, containers: nonsense.map((image, at) => ({name: `c${at}`, image}))}),
    node.create('user', {
      ...grace,
      containers: [
        {...shell('main', 'id -u; exit 0'), image: hostileUser, securityContext: {runAsNonRoot: true}},
      ],
    }),
    node.create('escape', {
      ...never,
      containers: [{...shell('main', `mkdir -p ${outside}; touch ${outside}/x`), image: hostileImage}],
    }),
    node.create('noise', {
      ...never,
      containers: [
        shell(
          'main',
          'head -c 9000 /dev/urandom > /dev/termination-log; head -c 2000000 /dev/urandom; exit 1',
        ),
      ],
    }),
    node.create('nul', {
      ...never,
      containers: [shell('main', 'exit 0', {env: [{name: 'A', value: 'a\u0000b'}]})],
    }),
    node.create('no-such-cgroup', {
      ...grace,
      containers: [
        shell('main', 'exit 0', {resources: {limits: {cpu: '9223372036854775807'}, requests: {cpu: 0}}}),
      ],
    }),
    node.create('words-elsewhere', {
      ...never,
      containers: ['/', '/proc/self/status', '../../etc/passwd'].map((terminationMessagePath, at) =>
        shell(`c${at}`, 'exit 0', {terminationMessagePath}),
      ),
    }),
    node.create('crowd', {...grace, containers: Array.from({length: crowd}, (_, at) => sleeper(`c${at}`))}),
    node.create(longName, {...grace, containers: [sleeper('main')]}, {annotations, labels}),
  ]);

beforeAll(async () => {
  node = await startNode({subnet: '10.89.31.0/24', config: {podPidsLimit}});
  const socket = node.config.containerRuntimeEndpoint.replace('unix://', '');
  await importImage(socket, {name: hostileUser, files: busyboxFiles(), command: ['sh'], user: '4294967296'});
  await importImage(socket, {
    name: hostileImage,
    files: busyboxFiles(),
    command: ['sh'],
    volumes: [`/../../../..${outside}`, '/proc/self/root'],
    labels: {'io.cri-containerd.kind': 'sandbox', 'io.kubernetes.pod.uid': '../../etc'},
  });
  await node.create('bystander', {...grace, containers: [sleeper('main')]});
  bystander = await node.waitFor('bystander', 'Ready', isReady);
  await createAll();
}, 60_000);
afterAll(() => node?.stop(), 60_000);

/** The machine may be crowded, and some of these crowd it. */
const waitFor = (name: string, what: string, check: (pod: Pod) => boolean) =>
  node.waitFor(name, what, check, 100_000);
const waiting = (pod: Pod) => statusOf(pod, 'main')?.state?.waiting;
const ended = (pod: Pod) => statusOf(pod, 'main')?.state?.terminated;

describe('of a hostile pod', {timeout: 120_000}, () => {
  it('a bomb of processes is bounded', async () => {
    const {metadata} = await waitFor(
      'bomb',
      'has begun',
      (pod) => statusOf(pod, 'main')?.containerID !== undefined,
    );
    const counted = () => Math.max(0, ...pidsOf(metadata.uid));
    await until('it has hit its bound', () => counted() >= podPidsLimit - 8, {
      instead: () => String(counted()),
    });
    expect(counted()).toBeLessThanOrEqual(podPidsLimit);
    await node.remove('bomb', 0);
  });

  it('only the end of a long termination message is told', async () => {
    const {message = ''} = ended(await waitFor('talks', 'ended', (pod) => ended(pod) !== undefined)) ?? {};
    expect(message).toHaveLength(4096);
    expect(message.endsWith('line 1999\n')).toBe(true);
  });

  it('a log without line ends gives a short termination message', async () => {
    const end = ended(await waitFor('last-words', 'ended', (pod) => ended(pod) !== undefined));
    expect(end).toMatchObject({exitCode: 3, reason: 'Error'});
    expect((end?.message ?? '').length).toBeLessThanOrEqual(2048);
  });

  it('thousands of variables arrive', () =>
    waitFor('many-variables', 'Succeeded', (pod) => pod.status?.phase === 'Succeeded'));

  it('a variable of a megabyte keeps only its own container from starting', async () => {
    const pod = await waitFor('big-variable', 'does not start', (pod) =>
      /Error|CrashLoopBackOff/.test(waiting(pod)?.reason ?? ''),
    );
    expect((waiting(pod)?.message ?? '').length).toBeLessThan(4096);
  });

  it('one that ignores SIGTERM is killed all the same', async () => {
    await waitFor('deaf', 'Ready', isReady);
    await node.remove('deaf');
    await node.gone('deaf');
  });

  it('image names of nonsense are told as such', async () => {
    const reasons = ({status}: Pod) => status?.containerStatuses?.map(({state}) => state?.waiting?.reason);
    await waitFor('images', 'refused', (pod) => {
      const told = reasons(pod) ?? [];
      return told.length === nonsense.length && told.every((reason) => reason === 'InvalidImageName');
    });
  });

  it('an image whose user does not fit into 32 bits does not become root', async () => {
    const pod = await waitFor('user', 'refused', (pod) => /Error/.test(waiting(pod)?.reason ?? ''));
    expect(statusOf(pod, 'main')?.restartCount).toBe(0);
  });

  it('an image that wants volumes outside of its container reaches nothing there', async () => {
    await waitFor('escape', 'ended', (pod) => /Succeeded|Failed/.test(pod.status?.phase ?? ''));
    expect(existsSync(outside)).toBe(false);
  });

  it('noise for last words and for a log is told as far as it is text', async () => {
    const end = ended(await waitFor('noise', 'ended', (pod) => ended(pod) !== undefined));
    expect(end).toMatchObject({exitCode: 1, reason: 'Error'});
    expect((end?.message ?? '').length).toBeLessThanOrEqual(4096);
  });

  it('a variable with a NUL keeps only its own container from starting', async () => {
    const end = ended(await waitFor('nul', 'Failed', (pod) => pod.status?.phase === 'Failed'));
    expect(end).toMatchObject({exitCode: 128, reason: 'StartError'});
  });

  it('limits that the kernel refuses are told', async () => {
    const told = () => node.sandbox.client.list(events, {namespace: 'default'});
    await until('FailedCreatePodContainer is told', async () =>
      (await told()).items.some(
        ({reason, involvedObject}) =>
          reason === 'FailedCreatePodContainer' && involvedObject.name === 'no-such-cgroup',
      ),
    );
    await node.remove('no-such-cgroup', 0);
    await node.gone('no-such-cgroup');
  });

  it('last words that shall lie elsewhere harm only their own container', async () => {
    const pod = await waitFor('words-elsewhere', 'ended', ({status}) =>
      /Succeeded|Failed/.test(status?.phase ?? ''),
    );
    expect(statusOf(pod, 'c0')?.state?.terminated?.reason).toBe('StartError');
    expect(statusOf(pod, 'c1')?.state?.terminated?.reason).toBe('StartError');
    expect(statusOf(pod, 'c2')?.state?.terminated?.message ?? '').not.toContain('root:');
  });

  it('a crowd of containers starts, and goes', async () => {
    const pod = await waitFor('crowd', 'Ready', isReady);
    expect(pod.status?.containerStatuses).toHaveLength(crowd);
    await node.remove('crowd', 0);
    await node.gone('crowd');
  });

  it('one whose shim is killed is told of, starts anew, and goes', async () => {
    await node.create('shimless', {...grace, containers: [sleeper('main')]});
    const before = await waitFor('shimless', 'Ready', isReady);
    const id = statusOf(before, 'main')?.containerID?.split('//')[1] ?? '';
    process.kill(await shimOf(id), 'SIGKILL');
    const after = await waitFor(
      'shimless',
      'Ready again',
      (pod) => isReady(pod) && (statusOf(pod, 'main')?.restartCount ?? 0) > 0,
    );
    expect(statusOf(after, 'main')?.lastState?.terminated?.exitCode).toBeGreaterThan(0);
    await node.remove('shimless');
    await node.gone('shimless');
  });

  it('annotations of 200 KB and a name that fits no file name are borne', async () => {
    const pod = await waitFor(longName, 'Ready', isReady);
    expect(pod.metadata.labels).toMatchObject(labels);
    await node.remove(longName);
    await node.gone(longName);
  });

  it('nothing touches those beside it, and the next one starts', async () => {
    const now = await node.get('bystander');
    expect(now && statusOf(now, 'main')).toMatchObject({
      containerID: statusOf(bystander, 'main')?.containerID,
      restartCount: 0,
      ready: true,
    });
    await node.create('after-all', {...grace, containers: [sleeper('main')]});
    await waitFor('after-all', 'Ready', isReady);
  });
});

/** The parent of the container's first process. */
async function shimOf(containerId: string): Promise<number> {
  const {info} = await node.containerd.cri.runtime.containerStatus({containerId, verbose: true});
  const {pid}: {pid: number} = JSON.parse(info.info ?? '{}');
  return Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

/** Processes in the pod's cgroup, in whichever hierarchy counts them. */
function pidsOf(uid: string): number[] {
  const roots = ['/sys/fs/cgroup/pids', '/sys/fs/cgroup'];
  return roots.flatMap((root) =>
    ['', '/burstable', '/besteffort'].flatMap((tier) => {
      try {
        const path = `${root}${node.config.cgroupRoot}/kubepods${tier}/pod${uid}/pids.current`;
        return [Number(readFileSync(path, 'utf8'))];
      } catch {
        return [];
      }
    }),
  );
}

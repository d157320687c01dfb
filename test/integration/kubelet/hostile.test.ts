import {readFileSync} from 'node:fs';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {Pod} from '../../../src/lib/kubernetes.ts';
import {busyboxFiles, importImage} from '../support/images.ts';
import {until} from '../support/wait.ts';
import {isReady, shell, sleeper, startNode, statusOf, type TestNode} from './harness.ts';

let node: TestNode;
let bystander: Pod;
const podPidsLimit = 48;
const hostileUser = 'test.local/hostile-user:1';
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
    node.create(longName, {...grace, containers: [sleeper('main')]}, {annotations, labels}),
  ]);

beforeAll(async () => {
  node = await startNode({subnet: '10.89.31.0/24', config: {podPidsLimit}});
  const socket = node.config.containerRuntimeEndpoint.replace('unix://', '');
  await importImage(socket, {name: hostileUser, files: busyboxFiles(), command: ['sh'], user: '4294967296'});
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

import {type Cri, connectCri} from '../../../src/edges/cri/client.ts';
import {ContainerState, type ContainerStatus} from '../../../src/edges/cri/gen/api_pb.ts';
import {podLabels} from '../../../src/kubelet/pod/config/sandbox-config.ts';
import {
  isReady,
  shell,
  sleeper,
  startNode,
  statusOf,
  type TestNode,
} from '../../integration/kubelet/harness.ts';
import {busyboxImage} from '../../integration/support/images.ts';
import {milliseconds, quantile, type Table} from '../table.ts';

const inits = 20;
const restarts = 15;
const floors = 20;
const timeoutMs = 120_000;

const wallMs = () => performance.timeOrigin + performance.now();

/** How soon a container follows the end of another, by the runtime's clock and the moment of our call. */
export async function follow(): Promise<Table> {
  const asked: number[] = [];
  const node = await startNode({
    onCriCall(method, seconds) {
      if (method === 'CreateContainer') asked.push(wallMs() - seconds * 1000);
    },
  });
  const cri = connectCri(node.containerd.endpoint);
  try {
    const floor = await floorOf(cri);
    const chain = await initChain(node, cri, asked);
    const again = await exitsAndRestarts(node, cri, asked);
    const row = (what: string, took: readonly number[], alone: string, goal: string) => [
      what,
      milliseconds(quantile(took, 0.5)),
      milliseconds(quantile(took, 0.99)),
      alone,
      goal,
    ];
    const shown = milliseconds(quantile(floor.shown, 0.5));
    const alone = milliseconds(quantile(floor.shown, 0.5) + quantile(floor.runs, 0.5));
    return {
      title: `A container follows the end of another (${inits} init containers, ${restarts} restarts)`,
      columns: ['what', 'p50 ms', 'p99 ms', 'CRI alone p50 ms', 'goal p50 ms'],
      rows: [
        row('container ended → its restart asked for', again.asked, shown, '≤ 20'),
        row('container ended → runs again', again.runs, alone, ''),
        row('init container ended → next asked for', chain.asked, shown, '≤ 20'),
        row('init container ended → next runs', chain.runs, alone, '≤ 50'),
      ],
    };
  } finally {
    cri.close();
    await node.stop();
  }
}

type Gaps = {readonly asked: number[]; readonly runs: number[]};
type Run = {readonly createdMs: number; readonly startedMs: number; readonly finishedMs: number};

/** What the runtime has of a pod's containers, in the order in which they were made. */
async function runsOf(cri: Cri, uid: string): Promise<Run[]> {
  const {containers} = await cri.runtime.listContainers({filter: {labelSelector: {[podLabels.uid]: uid}}});
  const found = await Promise.all(
    containers.map(async ({id}) => (await cri.runtime.containerStatus({containerId: id})).status),
  );
  return found.map(runOf).sort((a, b) => a.createdMs - b.createdMs);
}

function runOf(status: ContainerStatus | undefined): Run {
  const ms = (nano: bigint | undefined) => Number(nano ?? 0n) / 1e6;
  return {
    createdMs: ms(status?.createdAt),
    startedMs: ms(status?.startedAt),
    finishedMs: ms(status?.finishedAt),
  };
}

/** `calls[n]` is when the n-th of the runs was asked for. */
function gaps(runs: readonly Run[], calls: readonly number[]): Gaps {
  const pairs = runs.slice(1).map((run, at) => ({
    asked: (calls[at + 1] ?? Number.NaN) - (runs[at]?.finishedMs ?? Number.NaN),
    runs: run.startedMs - (runs[at]?.finishedMs ?? Number.NaN),
  }));
  return {asked: pairs.map(({asked}) => asked), runs: pairs.map(({runs: ms}) => ms)};
}

async function initChain(node: TestNode, cri: Cri, asked: number[]): Promise<Gaps> {
  asked.length = 0;
  const {metadata} = await node.create('chain', {
    initContainers: Array.from({length: inits}, (_, at) => shell(`init-${at}`, 'true')),
    containers: [sleeper('main')],
  });
  await node.waitFor('chain', 'ready', isReady, timeoutMs);
  const found = gaps(await runsOf(cri, metadata.uid), asked);
  await node.remove('chain', 0);
  await node.gone('chain');
  return found;
}

/** Each pod's container ends once, and runs on when it was started again. */
async function exitsAndRestarts(node: TestNode, cri: Cri, asked: number[]): Promise<Gaps> {
  const all: Gaps = {asked: [], runs: []};
  for (let at = 0; at < restarts; at++) {
    const name = `again-${at}`;
    asked.length = 0;
    const script = 'if [ -e /m/x ]; then exec sleep 3600; fi; touch /m/x; sleep 0.5; exit 1';
    const {metadata} = await node.create(name, {
      containers: [shell('main', script, {volumeMounts: [{name: 'm', mountPath: '/m'}]})],
      volumes: [{name: 'm', emptyDir: {}}],
    });
    await node.waitFor(
      name,
      'runs again',
      (pod) => statusOf(pod, 'main')?.restartCount === 1 && isReady(pod),
      timeoutMs,
    );
    const found = gaps(await runsOf(cri, metadata.uid), asked);
    all.asked.push(...found.asked);
    all.runs.push(...found.runs);
    await node.remove(name, 0);
    await node.gone(name);
  }
  return all;
}

type Alone = {readonly shown: number[]; readonly runs: number[]};

/**
 * In a sandbox that stands: how long after an end the CRI shows it to whoever asks all the time, and how long a
 * further container takes from the call to the moment it runs.
 */
async function floorOf(cri: Cri): Promise<Alone> {
  const metadata = {name: 'floor', uid: 'floor', namespace: 'default', attempt: 0};
  const sandboxConfig = {metadata, hostname: 'floor', logDirectory: '/tmp', linux: {}};
  const {podSandboxId} = await cri.runtime.runPodSandbox({config: sandboxConfig});
  const alone: Alone = {shown: [], runs: []};
  for (let at = 0; at < floors; at++) {
    const beganMs = wallMs();
    const {containerId} = await cri.runtime.createContainer({
      podSandboxId,
      sandboxConfig,
      config: {
        metadata: {name: `floor-${at}`, attempt: 0},
        image: {image: busyboxImage},
        command: ['sleep', '0.2'],
        logPath: `floor-${at}.log`,
        linux: {},
      },
    });
    await cri.runtime.startContainer({containerId});
    const {run, shownMs} = await ended(cri, containerId);
    alone.runs.push(run.startedMs - beganMs);
    alone.shown.push(shownMs - run.finishedMs);
  }
  await cri.runtime.stopPodSandbox({podSandboxId});
  await cri.runtime.removePodSandbox({podSandboxId});
  return alone;
}

async function ended(cri: Cri, containerId: string): Promise<{run: Run; shownMs: number}> {
  const giveUpMs = wallMs() + timeoutMs;
  while (wallMs() < giveUpMs) {
    const {status} = await cri.runtime.containerStatus({containerId});
    if (status?.state === ContainerState.CONTAINER_EXITED) return {run: runOf(status), shownMs: wallMs()};
  }
  throw new Error(`container ${containerId} has not ended`);
}

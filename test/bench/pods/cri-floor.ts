import {type Cri, connectCri} from '../../../src/edges/cri/client.ts';
import type {Requests} from './cri-requests.ts';

export type Floor = {
  readonly startMs: number;
  readonly starts: readonly number[];
  readonly endMs: number;
  readonly ends: readonly number[];
};

/** The same pods straight over CRI, `atOnce` at a time: what no kubelet can beat. */
export async function criFloor(
  socket: string,
  count: number,
  requests: Requests,
  atOnce = 4,
): Promise<Floor> {
  const cri = connectCri(`unix://${socket}`);
  try {
    const made: string[] = [];
    const [startMs, starts] = await pool(count, atOnce, async (at) => {
      made.push(await startPod(cri, at, count, requests));
    });
    const [endMs, ends] = await pool(count, atOnce, async () => {
      const podSandboxId = made.pop() ?? '';
      await cri.runtime.stopPodSandbox({podSandboxId});
      await cri.runtime.removePodSandbox({podSandboxId});
    });
    return {startMs, starts, endMs, ends};
  } finally {
    cri.close();
  }
}

async function startPod(cri: Cri, at: number, count: number, requests: Requests): Promise<string> {
  const metadata = {
    name: `floor-${count}-${at}`,
    uid: `floor-${count}-${at}`,
    namespace: 'default',
    attempt: 0,
  };
  const config = {
    metadata,
    hostname: metadata.name,
    logDirectory: '/tmp',
    linux: {cgroupParent: '/nodectl-floor'},
    ...requests.sandbox,
  };
  const {podSandboxId} = await cri.runtime.runPodSandbox({config});
  const {containerId} = await cri.runtime.createContainer({
    podSandboxId,
    sandboxConfig: config,
    config: {
      metadata: {name: 'main', attempt: 0},
      image: {image: 'nodectl.local/pause:1'},
      logPath: `${metadata.name}.log`,
      ...requests.container,
    },
  });
  await cri.runtime.startContainer({containerId});
  return podSandboxId;
}

/** Total and each one's milliseconds, counted from the common start as a user counts them. */
async function pool(
  count: number,
  atOnce: number,
  work: (at: number) => Promise<void>,
): Promise<[number, number[]]> {
  const started = performance.now();
  const took: number[] = [];
  let next = 0;
  const worker = async () => {
    while (next < count) {
      await work(next++);
      took.push(performance.now() - started);
    }
  };
  await Promise.all(Array.from({length: atOnce}, worker));
  return [performance.now() - started, took];
}

import {type Cri, isCriNotFound} from '../../edges/cri/client.ts';
import {
  type Container,
  ContainerState,
  type ContainerStatus,
  type PodSandbox,
  PodSandboxState,
} from '../../edges/cri/gen/api_pb.ts';
import {readEnd} from '../../edges/files/pod-files.ts';
import {describeError} from '../../lib/errors.ts';
import {containerAnnotations} from '../pod/config/container-config.ts';
import {podLabels} from '../pod/config/sandbox-config.ts';
import type {PodRuntime, RuntimeContainer, RuntimeSandbox} from '../pod/status/runtime-state.ts';
import {containerFrom, sandboxFrom, stateName} from './convert.ts';
import {lastLogText} from './log-text.ts';

export type ReadOptions = {readonly signal?: AbortSignal; readonly timeoutMs: number};

/** Kubernetes' bounds for a termination message, and for one taken from the log. */
const maxMessageBytes = 4096;
const maxLogBytes = 2048;
const maxLogLines = 80;

/** What the runtime has of one pod. Details of what has not changed are taken from `known`. */
export async function readPod(
  cri: Cri,
  uid: string,
  known: PodRuntime | undefined,
  options: ReadOptions,
): Promise<PodRuntime> {
  const filter = {labelSelector: {[podLabels.uid]: uid}};
  const [{items}, {containers}] = await Promise.all([
    cri.runtime.listPodSandbox({filter}, options),
    cri.runtime.listContainers({filter}, options),
  ]);
  const [sandboxes, records] = await Promise.all([
    Promise.all(items.map((item) => readSandbox(cri, item, known, options))),
    Promise.all(containers.map((container) => readContainer(cri, container, known, options))),
  ]);
  return {
    sandboxes: sandboxes.filter((s) => s !== undefined).sort(newestFirst),
    containers: records.filter((c) => c !== undefined).sort(newestFirst),
  };
}

function newestFirst(a: {createdAtMs: number; attempt: number}, b: {createdAtMs: number; attempt: number}) {
  return b.createdAtMs - a.createdAtMs || b.attempt - a.attempt;
}

async function readSandbox(
  cri: Cri,
  {id, state}: PodSandbox,
  known: PodRuntime | undefined,
  options: ReadOptions,
): Promise<RuntimeSandbox | undefined> {
  const before = known?.sandboxes.find((sandbox) => sandbox.id === id);
  if (before !== undefined && before.ready === (state === PodSandboxState.SANDBOX_READY)) return before;
  return unlessGone(async () => {
    const {status} = await cri.runtime.podSandboxStatus({podSandboxId: id}, options);
    return status === undefined ? undefined : sandboxFrom(status);
  });
}

async function readContainer(
  cri: Cri,
  listed: Container,
  known: PodRuntime | undefined,
  options: ReadOptions,
): Promise<RuntimeContainer | undefined> {
  const before = known?.containers.find(({id}) => id === listed.id);
  if (before !== undefined && before.state === stateName(listed.state)) return before;
  return unlessGone(async () => {
    const {status} = await cri.runtime.containerStatus({containerId: listed.id}, options);
    return status === undefined ? undefined : containerFrom(listed, status, await terminationMessage(status));
  });
}

/** What was listed and is gone a moment later was simply not there. */
async function unlessGone<T>(read: () => Promise<T | undefined>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (isCriNotFound(error)) return undefined;
    throw error;
  }
}

/** What the runtime says of an end, and after it the container's own last words. */
async function terminationMessage(status: ContainerStatus): Promise<string> {
  if (status.state !== ContainerState.CONTAINER_EXITED) return '';
  const words = await lastWords(status);
  return [status.message, words].filter((text) => text !== '').join(': ');
}

/** The end of its message file, else (by policy, after a failure) the end of its log. */
async function lastWords({annotations, mounts, exitCode, logPath}: ContainerStatus): Promise<string> {
  const path = annotations[containerAnnotations.terminationMessagePath];
  const mount = mounts.find(({containerPath}) => containerPath === path);
  try {
    const own = path && mount !== undefined ? await readEnd(mount.hostPath, maxMessageBytes) : '';
    if (own !== '') return own;
  } catch (error) {
    // A volume may lie upon that path: what there is no file of must not hold up the rest of the status.
    return `Error on reading termination log ${mount?.hostPath}: ${describeError(error)}`;
  }
  const fallback =
    annotations[containerAnnotations.terminationMessagePolicy] === 'FallbackToLogsOnError' && exitCode !== 0;
  if (!fallback || logPath === '') return '';
  return lastLogText(await readEnd(logPath, maxLogBytes * 4), maxLogLines, maxLogBytes);
}

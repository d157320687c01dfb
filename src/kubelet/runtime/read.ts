import {type Cri, isCriNotFound} from '../../edges/cri/client.ts';
import {
  type Container,
  ContainerState,
  type ContainerStatus,
  type PodSandbox,
  PodSandboxState,
} from '../../edges/cri/gen/api_pb.ts';
import {readEnd} from '../../edges/files/pods/pod-files.ts';
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

/** What an answered call has changed of a pod. */
export type Changed =
  | {readonly sandbox: string}
  | {readonly container: string; readonly sandboxId: string}
  /** A container, or a sandbox with all its containers. */
  | {readonly removed: string};

/** The same, where nothing but `changed` is another than in `known`. */
export async function readChanged(
  cri: Cri,
  known: PodRuntime,
  changed: readonly Changed[],
  options: ReadOptions,
): Promise<PodRuntime> {
  const removed = new Set(changed.flatMap((one) => ('removed' in one ? [one.removed] : [])));
  const sandboxIds = new Set(changed.flatMap((one) => ('sandbox' in one ? [one.sandbox] : [])));
  const containerIds = new Map(
    changed.flatMap((one) => ('container' in one ? [[one.container, one.sandboxId] as const] : [])),
  );
  const [sandboxes, containers] = await Promise.all([
    Promise.all([...sandboxIds].map((id) => sandboxStatus(cri, id, options))),
    Promise.all([...containerIds].map(([id, sandboxId]) => containerStatus(cri, id, sandboxId, options))),
  ]);
  const kept = {
    sandboxes: known.sandboxes.filter(({id}) => !sandboxIds.has(id)),
    containers: known.containers.filter(({id}) => !containerIds.has(id)),
  };
  return {
    sandboxes: [...kept.sandboxes, ...sandboxes.filter((s) => s !== undefined)]
      .filter(({id}) => !removed.has(id))
      .sort(newestFirst),
    containers: [...kept.containers, ...containers.filter((c) => c !== undefined)]
      .filter(({id, sandboxId}) => !removed.has(id) && !removed.has(sandboxId))
      .sort(newestFirst),
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
  return sandboxStatus(cri, id, options);
}

function sandboxStatus(
  cri: Cri,
  podSandboxId: string,
  options: ReadOptions,
): Promise<RuntimeSandbox | undefined> {
  return unlessGone(async () => {
    const {status} = await cri.runtime.podSandboxStatus({podSandboxId}, options);
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
  return containerStatus(cri, listed.id, listed.podSandboxId, options);
}

function containerStatus(
  cri: Cri,
  containerId: string,
  podSandboxId: string,
  options: ReadOptions,
): Promise<RuntimeContainer | undefined> {
  return unlessGone(async () => {
    const {status} = await cri.runtime.containerStatus({containerId}, options);
    return status === undefined
      ? undefined
      : containerFrom({podSandboxId}, status, await terminationMessage(status));
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

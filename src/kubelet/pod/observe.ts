import type {Pod} from '../../lib/kubernetes.ts';
import type {ImageManager} from '../images/manager.ts';
import type {Probes} from '../probes/manager.ts';
import type {RuntimeCache} from '../runtime/cache.ts';
import type {StatusWriter} from '../status-writer.ts';
import type {PodDeps} from './deps.ts';
import type {PodMemory} from './memory.ts';
import {newestContainer, type PodRuntime} from './runtime-state.ts';
import type {CrashBackoff, PodSeen, StartFailure, VolumesSeen} from './seen.ts';

/** Where a worker looks. */
export type PodView = {
  readonly deps: PodDeps;
  readonly runtime: RuntimeCache;
  readonly images: ImageManager;
  readonly probes: Probes;
  readonly writer: StatusWriter;
  readonly find: (uid: string) => {readonly pod: Pod; readonly isStatic: boolean} | undefined;
  /** The object that carries the pod's status; undefined while a static pod has no mirror. */
  readonly carrier: (pod: Pod) => Pod | undefined;
  readonly sourcesSynced: () => boolean;
  readonly networkReady: () => boolean;
};

export async function observePod(view: PodView, memory: PodMemory, signal: AbortSignal): Promise<PodSeen> {
  const {uid} = memory;
  const runtime = await view.runtime.get(uid, signal);
  const found = view.find(uid);
  if (found !== undefined) memory.lastPod = found.pod;
  const nowMs = view.deps.clock.now();
  const monotonicMs = view.deps.clock.monotonic();
  return {
    uid,
    nowMs,
    monotonicMs,
    pod: found?.pod,
    lastPod: memory.lastPod,
    sourcesSynced: view.sourcesSynced(),
    isStatic: found?.isStatic ?? false,
    runtime,
    probes: view.probes.results(uid),
    images: view.images.seen(uid),
    volumes: volumesSeen(memory, monotonicMs),
    startFailures: failuresSeen(memory, monotonicMs),
    crashes: crashesSeen(memory, runtime, nowMs),
    verdict: memory.verdict,
    stopping: memory.stopping,
    networkReady: view.networkReady(),
    local: memory.local,
    status: memory.status ?? found?.pod.status,
    written: view.writer.written(uid) ?? found?.pod.status,
    objectDeleted: memory.objectDeleted,
    told: memory.told,
    hostIps: view.deps.facts.hostIps(),
  };
}

function volumesSeen({volumes}: PodMemory, nowMs: number): VolumesSeen {
  if (volumes.state !== 'failed') return volumes;
  return {state: 'failed', message: volumes.message, retryInMs: Math.max(0, volumes.retryAtMs - nowMs)};
}

function failuresSeen({startFailures}: PodMemory, nowMs: number): Map<string, StartFailure> {
  return new Map(
    [...startFailures].map(([name, {reason, message, retryAtMs}]) => [
      name,
      {reason, message, ...(retryAtMs === undefined ? {} : {retryInMs: Math.max(0, retryAtMs - nowMs)})},
    ]),
  );
}

function crashesSeen(memory: PodMemory, runtime: PodRuntime, nowMs: number): Map<string, CrashBackoff> {
  const crashes = new Map<string, CrashBackoff>();
  for (const name of new Set(runtime.containers.map((container) => container.name))) {
    const last = newestContainer(runtime, name);
    if (last?.state !== 'exited') continue;
    const waits = memory.crashes.waits(name, last.finishedAtMs, nowMs);
    if (waits !== undefined) crashes.set(name, waits);
  }
  return crashes;
}

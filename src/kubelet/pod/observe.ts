import {admitPod} from './admit-pod.ts';
import type {PodMemory} from './memory.ts';
import {newestContainer, type PodRuntime} from './runtime-state.ts';
import type {CrashBackoff, PodSeen, StartFailure, VolumesSeen} from './seen.ts';
import type {PodView} from './view.ts';

export async function observePod(view: PodView, memory: PodMemory, signal: AbortSignal): Promise<PodSeen> {
  const {uid} = memory;
  const runtime = await view.runtime.get(uid, signal);
  const admitted = await admitPod(view, memory, runtime);
  const asking = view.find(uid)?.pod;
  const recursiveReadOnly = asking !== undefined && (await view.deps.volumes.recursiveReadOnly(asking));
  // From here on nothing is waited for: what is seen is of one moment.
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
    admitted,
    sourcesSynced: view.sourcesSynced(),
    isStatic: found?.isStatic ?? false,
    runtime,
    probes: view.probes.results(uid),
    images: view.images.seen(uid),
    volumes: volumesSeen(memory, monotonicMs),
    recursiveReadOnly,
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

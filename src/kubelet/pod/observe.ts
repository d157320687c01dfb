import {staticAnnotations} from '../../config/pod/static-pod.ts';
import type {Pod} from '../../lib/kubernetes.ts';
import {withAllocation} from '../resize/allocation.ts';
import {judgeResize} from '../resize/judge.ts';
import {crashKey} from './actions/crash-backoff.ts';
import {admitPod} from './apply/admit-pod.ts';
import type {PodMemory} from './config/resources/memory.ts';
import type {AllocatedResources, CrashBackoff, PodSeen, StartFailure, VolumesSeen} from './seen.ts';
import {newestContainer, type PodRuntime} from './status/runtime-state.ts';
import type {PodView} from './status/view.ts';

export async function observePod(view: PodView, memory: PodMemory, signal: AbortSignal): Promise<PodSeen> {
  const {uid} = memory;
  const runtime = await view.runtime.get(uid, signal);
  const admitted = await admitPod(view, memory, runtime);
  const asking = view.find(uid)?.pod;
  const recursiveReadOnly = asking !== undefined && (await view.deps.volumes.recursiveReadOnly(asking));
  await judgeResize(view, memory, runtime);
  // From here on nothing is waited for: what is seen is of one moment.
  const found = view.find(uid);
  const record = view.records.get(uid);
  const given = found === undefined ? undefined : withAllocation(toldOf(view, found), record?.allocated);
  if (given !== undefined) memory.lastPod = given;
  if (given !== undefined) view.probes.recall(given, runtime);
  const nowMs = view.deps.clock.now();
  const monotonicMs = view.deps.clock.monotonic();
  return {
    uid,
    nowMs,
    monotonicMs,
    pod: given,
    lastPod: memory.lastPod,
    admitted,
    sourcesSynced: view.sourcesSynced(),
    isStatic: found?.isStatic ?? false,
    runtime,
    probes: view.probes.results(uid),
    images: view.images.seen(uid),
    volumes: volumesSeen(memory, monotonicMs),
    recursiveReadOnly,
    devices: devicesSeen(view, given),
    awaitedDevices: awaitedSeen(view, given),
    holdsClaims: view.deps.dynamicResources?.holds(uid) === true,
    startFailures: failuresSeen(memory, given ?? memory.lastPod, monotonicMs),
    crashes: crashesSeen(memory, given ?? memory.lastPod, runtime, nowMs),
    verdict: memory.verdict,
    stopping: memory.stopping,
    networkProblem: view.networkProblem(),
    local: memory.local,
    status: memory.status ?? given?.status,
    written: view.writer.written(uid) ?? given?.status,
    objectDeleted: memory.objectDeleted,
    told: memory.told,
    hostIps: view.deps.facts.hostIps(),
    resources: view.deps.facts.resources,
    actuated: record?.actuated,
    resize: memory.resize ?? {},
    resizeInMs: Math.max(0, (memory.resize?.progress?.retryAtMs ?? 0) - monotonicMs),
    restarting: restartingSeen(memory, runtime),
  };
}

/** What was told of a static pod stands in the mirror of this very version. */
function toldOf(view: PodView, {pod, isStatic}: {readonly pod: Pod; readonly isStatic: boolean}): Pod {
  const status = isStatic ? mirroredStatus(pod, view.carrier(pod)) : undefined;
  return status === undefined ? pod : {...pod, status};
}

function mirroredStatus({metadata}: Pod, mirror: Pod | undefined): Pod['status'] {
  const hash = metadata.annotations?.[staticAnnotations.hash];
  return mirror?.metadata.annotations?.[staticAnnotations.mirror] === hash ? mirror?.status : undefined;
}

function volumesSeen({volumes}: PodMemory, nowMs: number): VolumesSeen {
  if (volumes.state !== 'failed') return volumes;
  return {state: 'failed', message: volumes.message, retryInMs: Math.max(0, volumes.retryAtMs - nowMs)};
}

/** What failed as something else, with another image, says nothing of what the container is now. */
function failuresSeen(
  {startFailures}: PodMemory,
  pod: Pod | undefined,
  nowMs: number,
): Map<string, StartFailure> {
  const failures = [...startFailures].filter(([name, {key}]) => key === crashKey(pod, name));
  return new Map(
    failures.map(([name, {reason, message, retryAtMs}]) => [
      name,
      {reason, message, ...(retryAtMs === undefined ? {} : {retryInMs: Math.max(0, retryAtMs - nowMs)})},
    ]),
  );
}

function devicesSeen({deps}: PodView, pod: Pod | undefined): ReadonlyMap<string, AllocatedResources> {
  if (pod === undefined) return new Map();
  const found = pod.spec.containers.map((container) => {
    const plugged = deps.managers?.status(pod.metadata.uid, container.name) ?? [];
    const claimed = deps.dynamicResources?.status(pod, container) ?? [];
    return {name: container.name, status: [...plugged, ...claimed]};
  });
  return new Map(found.filter(({status}) => status.length > 0).map(({name, status}) => [name, status]));
}

function awaitedSeen({deps}: PodView, pod: Pod | undefined): ReadonlyMap<string, string> {
  if (pod === undefined) return new Map();
  const found = [...(pod.spec.initContainers ?? []), ...pod.spec.containers].flatMap((container) => {
    const why = deps.managers?.waitsFor(pod, container);
    return why === undefined ? [] : [[container.name, why] as const];
  });
  return new Map(found);
}

/** A newer container of that name says that the restart has come about. */
function restartingSeen({restarting}: PodMemory, runtime: PodRuntime): ReadonlySet<string> {
  const newest = new Set(runtime.containers.map(({name}) => newestContainer(runtime, name)?.id));
  for (const id of restarting) if (!newest.has(id)) restarting.delete(id);
  return restarting;
}

function crashesSeen(
  memory: PodMemory,
  pod: Pod | undefined,
  runtime: PodRuntime,
  nowMs: number,
): Map<string, CrashBackoff> {
  const crashes = new Map<string, CrashBackoff>();
  for (const name of new Set(runtime.containers.map((container) => container.name))) {
    const last = newestContainer(runtime, name);
    if (last?.state !== 'exited') continue;
    const waits = memory.crashes.waits(crashKey(pod, name), last.finishedAtMs, nowMs);
    if (waits !== undefined) crashes.set(name, waits);
  }
  return crashes;
}

import {isCriNotFound} from '../../../edges/cri/client.ts';
import {goMessage} from '../../../edges/cri/message.ts';
import {describeError} from '../../../lib/errors.ts';
import type {Container, Pod} from '../../../lib/kubernetes.ts';
import type {Kill, PodAct} from '../actions/acts.ts';
import type {ContainerStop, PodMemory} from '../config/resources/memory.ts';
import type {PodDeps} from '../deps.ts';
import type {RuntimeContainer} from '../status/runtime-state.ts';
import type {ApplyContext} from './apply-context.ts';
import {runHook, tellsFallback} from './hooks.ts';
import {tellPod} from './tell.ts';

/** Kubernetes never gives a container less than that to shut down. */
const minimumGraceSeconds = 2;
/** A stop that failed is not tried again at once. */
const afterFailureMs = 2000;

export type KillContext = {
  readonly deps: PodDeps;
  readonly memory: PodMemory;
  readonly pod: Pod | undefined;
  readonly podIp: string;
  /** Does what ends a container, whose end is seen by its answer. */
  readonly awaitEnd: <T>(container: RuntimeContainer, call: () => Promise<T>) => Promise<T>;
  /** A container has ended, or its stop has failed a while ago. */
  readonly onEnd: (failed: boolean) => void;
};

/** Begins what an act says; each end is seen by the next round. */
export function kill(context: ApplyContext, {kills}: PodAct & {do: 'kill'}): void {
  const {deps, memory, pod, runtime} = context;
  const [sandbox] = runtime.peek(memory.uid)?.sandboxes ?? [];
  const [podIp = ''] = sandbox?.hostNetwork ? deps.facts.hostIps() : (sandbox?.ips ?? []);
  const onEnd = (failed: boolean) => {
    if (failed) runtime.touch(memory.uid);
    context.again();
  };
  for (const {container, restart} of kills) if (restart) memory.restarting.add(container.id);
  const awaitEnd = <T>({id, sandboxId}: RuntimeContainer, call: () => Promise<T>) =>
    runtime.awaitEnd(id, () => runtime.act(memory.uid, call, () => [{container: id, sandboxId}]));
  beginKills({deps, memory, pod, podIp, awaitEnd, onEnd}, kills);
}

/**
 * Begins to stop containers, all at the same time; those that go `after` others wait for them within their grace,
 * whatever these others are stopped for. The hook's time and the waiting count against the grace.
 */
export function beginKills(context: KillContext, kills: readonly Kill[]): void {
  const jobs = kills.map((kill) => begin(context, kill));
  for (const job of jobs) void stopOne(context, job);
}

type Job = {
  readonly kill: Kill;
  readonly endsAtMs: number;
  readonly stop: ContainerStop;
  /** An earlier kill, with a longer grace, has seen to what comes before the signal. */
  readonly again: boolean;
};

function begin({deps, memory: {stopping}}: KillContext, kill: Kill): Job {
  const {id} = kill.container;
  const endsAtMs = deps.clock.monotonic() + kill.graceSeconds * 1000;
  const known = stopping.get(id);
  const stop = {
    endsAtMs,
    forGood: kill.reason === 'ended' || known?.forGood === true,
    jobs: (known?.jobs ?? 0) + 1,
    ready: known?.ready ?? Promise.withResolvers<void>(),
    ended: known?.ended ?? Promise.withResolvers<void>(),
  };
  stopping.set(id, stop);
  return {kill, endsAtMs, stop, again: known !== undefined};
}

async function stopOne(context: KillContext, {kill, endsAtMs, stop, again}: Job): Promise<void> {
  const {deps, memory, awaitEnd, onEnd} = context;
  const {id} = kill.container;
  // The hook is not cut off when the grace is over: it ends with its container, which has its last seconds then.
  const hook = new AbortController();
  let failed = false;
  try {
    if (again) await Promise.race([stop.ready.promise, until(deps, endsAtMs)]);
    else await shutDown(context, kill, endsAtMs, hook.signal);
    stop.ready.resolve();
    // As Kubernetes: only whole seconds that went by are taken off (kuberuntime_container.go, killContainer).
    const leftSeconds = Math.ceil((endsAtMs - deps.clock.monotonic()) / 1000);
    const seconds = Math.max(leftSeconds, minimumGraceSeconds);
    await awaitEnd(kill.container, () => stopContainer(deps, id, seconds));
  } catch (error) {
    failed = true;
    deps.log.warn('a container could not be stopped', {uid: memory.uid, id, error: describeError(error)});
    tellFailure(context, kill, error);
  }
  hook.abort(new Error('the container has ended'));
  if (failed) await new Promise<void>((resolve) => deps.clock.after(afterFailureMs, resolve));
  const entry = memory.stopping.get(id);
  if (entry !== undefined && --entry.jobs === 0) {
    memory.stopping.delete(id);
    entry.ended.resolve();
  }
  onEnd(failed);
}

/** Why a pod that shall end does not. */
function tellFailure({deps, pod}: KillContext, {container, reason}: Kill, error: unknown): void {
  if (pod === undefined || reason !== 'ended') return;
  const message = `error killing pod: failed to "KillContainer" for "${container.name}" with KillContainerError: ${JSON.stringify(goMessage(error))}`;
  tellPod(deps.recorder, pod, undefined, 'Warning', 'FailedKillPod', message);
}

/** What comes before the signal: the event, the preStop hook, the container's turn. */
async function shutDown(
  context: KillContext,
  kill: Kill,
  endsAtMs: number,
  signal: AbortSignal,
): Promise<void> {
  const {deps, memory, pod} = context;
  if (pod !== undefined) tellPod(deps.recorder, pod, kill.container.name, 'Normal', 'Killing', kill.message);
  if (kill.graceSeconds > 0) await preStop(context, kill.container.id, kill.spec, endsAtMs, signal);
  const before = kill.after.flatMap((id) => memory.stopping.get(id)?.ended.promise ?? []);
  await Promise.race([Promise.all(before), until(deps, endsAtMs)]);
}

async function preStop(
  {deps, pod, podIp}: KillContext,
  containerId: string,
  container: Container | undefined,
  endsAtMs: number,
  signal: AbortSignal,
): Promise<void> {
  const handler = container?.lifecycle?.preStop;
  if (container === undefined || handler === undefined) return;
  const target = {containerId, container, podIp, onFallback: tellsFallback(deps, pod)};
  const hook = runHook(deps, handler, target, signal).catch((error) => {
    if (signal.aborted && handler.sleep !== undefined) deps.telemetry?.podCounts.sleepCut();
    if (signal.aborted) return;
    deps.log.info('a preStop hook failed', {container: container.name, error: String(error)});
    if (pod !== undefined)
      tellPod(deps.recorder, pod, container.name, 'Warning', 'FailedPreStopHook', 'PreStopHook failed');
  });
  await Promise.race([hook, until(deps, endsAtMs)]);
}

function until({clock}: PodDeps, endsAtMs: number): Promise<void> {
  return new Promise((resolve) => clock.after(Math.max(0, endsAtMs - clock.monotonic()), resolve));
}

async function stopContainer(deps: PodDeps, id: string, seconds: number): Promise<void> {
  try {
    const timeoutMs = seconds * 1000 + deps.config.runtimeRequestTimeout;
    await deps.cri.runtime.stopContainer({containerId: id, timeout: BigInt(seconds)}, {timeoutMs});
  } catch (error) {
    if (!isCriNotFound(error)) throw error;
  }
}

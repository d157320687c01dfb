import {isCriUnimplemented} from '../../edges/cri/client.ts';
import {criMessage} from '../../edges/cri/message.ts';
import type {Pod} from '../../lib/kubernetes.ts';
import type {PodAct} from '../pod/actions/acts.ts';
import type {ApplyContext} from '../pod/apply/apply-context.ts';
import {tellPod} from '../pod/apply/tell.ts';
import {cgroupOf} from '../pod/config/build.ts';
import {
  containerResources,
  cpuWeight,
  type PodCgroup,
  podCgroup,
  quotaFacts,
  sandboxResources,
} from '../pod/config/resources/resources.ts';
import {type Allocation, allocationOf, type Resources, withAllocation} from './allocation.ts';
import type {ContainerUpdate, ResourceName} from './plan.ts';
import {resizeMessage} from './state.ts';
import {memoryProblem} from './usage.ts';

/** As Kubernetes waits between tries of a pod that could not be synced. */
const retryMs = 10_000;

/**
 * Tells the runtime and the kernel what the pod was given: memory, then cpu. The pod's own cgroup grows before its
 * containers and shrinks after them. What fails is told, and tried again.
 */
export async function resizePod(context: ApplyContext, act: PodAct & {do: 'resize'}): Promise<void> {
  const {deps, memory, pod, runtime} = context;
  if (pod === undefined) return;
  const startMs = deps.clock.monotonic();
  let success = false;
  try {
    const problem = await memoryProblem(context, pod, act.plan);
    if (problem !== undefined) throw new Error(`cannot decrease memory limits: ${problem}`);
    await resizeOne(context, pod, act, 'memory');
    await resizeOne(context, pod, act, 'cpu');
    for (const name of act.plan.starts) await noteGiven(context, pod, name);
    const {progress: before} = memory.resize ?? {};
    if (before?.error !== undefined) {
      const {error: _, retryAtMs: __, ...progress} = before;
      memory.resize = {...memory.resize, progress};
    }
    success = true;
  } catch (error) {
    const message = criMessage(error);
    const {generation} = pod.metadata;
    const before = memory.resize?.progress;
    const retryAtMs = deps.clock.monotonic() + retryMs;
    const progress = {generation, sinceMs: deps.clock.now(), ...before, error: message, retryAtMs};
    memory.resize = {...memory.resize, progress};
    if (before?.error === message) return;
    const text = resizeMessage('Pod resize error', pod, progress.generation, message);
    tellPod(deps.recorder, pod, undefined, 'Warning', 'ResizeError', text);
  } finally {
    deps.telemetry?.resizes.done(success, deps.clock.monotonic() - startMs);
    runtime.reread(memory.uid);
  }
}

async function resizeOne(
  context: ApplyContext,
  pod: Pod,
  {plan, sandbox}: PodAct & {do: 'resize'},
  name: ResourceName,
): Promise<void> {
  const updates = plan[name];
  if (updates.length === 0 && !plan.podLevel && plan.starts.length === 0) return;
  const {facts} = context.deps;
  const wanted = podCgroup(pod, facts.resources);
  const now = podCgroup(toldPod(context, pod), facts.resources);
  await tellSandbox(context, pod, sandbox.id);
  const before = part(name, now, wanted, (from, to) => to > from);
  if (before !== undefined) await context.deps.cgroups.ensure(cgroupOf(context.deps, pod), before);
  for (const update of updates) await updateContainer(context, pod, update, name);
  const after = part(name, now, wanted, (from, to) => to < from);
  if (after !== undefined) await context.deps.cgroups.ensure(cgroupOf(context.deps, pod), after);
  if (plan.podLevel) await notePod(context, pod, name);
}

function toldPod({records, memory}: ApplyContext, pod: Pod): Pod {
  return withAllocation(pod, records.get(memory.uid)?.actuated);
}

/** What of the pod's cgroup changes in one direction; limits that the pod has not stay as they are. */
function part(
  name: ResourceName,
  now: PodCgroup,
  wanted: PodCgroup,
  goes: (from: number, to: number) => boolean,
) {
  const moves = (from: number | undefined, to: number | undefined) =>
    to !== undefined && goes(unbounded(from), unbounded(to));
  if (name === 'memory')
    return moves(now.memoryBytes, wanted.memoryBytes) ? {memoryBytes: wanted.memoryBytes ?? 0} : undefined;
  const {cpuQuota, cpuPeriod, cpuShares} = wanted;
  const quota =
    moves(now.cpuQuota, cpuQuota) && cpuQuota !== undefined && cpuPeriod !== undefined
      ? {cpuQuota, cpuPeriod}
      : undefined;
  const shares = goes(now.cpuShares, cpuShares) ? {cpuShares, cpuWeight: cpuWeight(cpuShares)} : undefined;
  return quota === undefined && shares === undefined ? undefined : {...quota, ...shares};
}

/** No limit, 0 and -1 are all the highest one. */
function unbounded(limit: number | undefined): number {
  return limit === undefined || limit <= 0 ? Number.POSITIVE_INFINITY : limit;
}

/** Runtimes that want to know of the pod as a whole are asked first; others do not have the call. */
async function tellSandbox({deps}: ApplyContext, pod: Pod, podSandboxId: string): Promise<void> {
  try {
    await deps.cri.runtime.updatePodSandboxResources(
      {podSandboxId, ...sandboxResources(pod, deps.facts.resources)},
      {timeoutMs: deps.config.runtimeRequestTimeout},
    );
  } catch (error) {
    if (!isCriUnimplemented(error)) throw error;
  }
}

async function updateContainer(
  context: ApplyContext,
  pod: Pod,
  {container, id}: ContainerUpdate,
  name: ResourceName,
): Promise<void> {
  const {deps, records, memory} = context;
  const told = records.get(memory.uid)?.actuated.containers[container.name];
  const mixed = {...container, resources: withOne(told, container.resources, name)};
  const facts = quotaFacts(deps.facts.resources, deps.managers?.placement(pod, container).exclusive === true);
  const {hugepageLimits: _, oomScoreAdj: __, ...linux} = containerResources(pod, mixed, facts);
  await deps.cri.runtime.updateContainerResources(
    {containerId: id, linux},
    {timeoutMs: deps.config.runtimeRequestTimeout},
  );
  await note(context, pod, (actuated) => ({
    ...actuated,
    containers: {...actuated.containers, [container.name]: mixed.resources},
  }));
}

/** One resource as it is wanted, all others as they were told. */
function withOne(told: Resources | undefined, wanted: Resources | undefined, name: ResourceName): Resources {
  const list = (kind: 'requests' | 'limits') => {
    const value = wanted?.[kind]?.[name];
    const {[name]: _, ...others} = told?.[kind] ?? {};
    const mixed = {...others, ...(value === undefined ? {} : {[name]: value})};
    return Object.keys(mixed).length === 0 ? {} : {[kind]: mixed};
  };
  return {...list('requests'), ...list('limits')};
}

/** A container that was just started, or will be, has all that the pod was given. */
export async function noteGiven(context: ApplyContext, pod: Pod, name: string): Promise<void> {
  const given = allocationOf(pod).containers[name];
  const {actuated} = context.records.get(context.memory.uid) ?? {};
  if (given === undefined || actuated === undefined) return;
  if (JSON.stringify(actuated.containers[name]) === JSON.stringify(given)) return;
  await note(context, pod, (before) => ({...before, containers: {...before.containers, [name]: given}}));
}

async function notePod(context: ApplyContext, pod: Pod, name: ResourceName): Promise<void> {
  await note(context, pod, (actuated) => {
    const whole = withOne(actuated.pod, pod.spec.resources, name);
    return {...actuated, ...(Object.keys(whole).length === 0 ? {} : {pod: whole})};
  });
}

async function note(
  {records, memory}: ApplyContext,
  pod: Pod,
  change: (actuated: Allocation) => Allocation,
): Promise<void> {
  const record = records.get(memory.uid);
  if (record !== undefined) await records.set(pod, {...record, actuated: change(record.actuated)});
}

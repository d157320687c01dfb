import type {Pod} from '../../lib/kubernetes.ts';
import type {ApplyContext} from '../pod/apply/apply-context.ts';
import {cgroupOf} from '../pod/config/build.ts';
import {podCgroup} from '../pod/config/resources/resources.ts';
import {podLabels} from '../pod/config/sandbox-config.ts';
import {withAllocation} from './allocation.ts';
import type {ResizePlan} from './plan.ts';

/** Why a memory limit must not shrink now: it would be below what is in use (validateMemoryResizeAction). */
export async function memoryProblem(
  context: ApplyContext,
  pod: Pod,
  plan: ResizePlan,
): Promise<string | undefined> {
  const shrinking = plan.memory.filter(
    ({now, wanted}) =>
      wanted.memoryLimit > 0 && (now.memoryLimit === 0 || wanted.memoryLimit < now.memoryLimit),
  );
  const problems = [
    ...(await podProblem(context, pod, plan)),
    ...(shrinking.length === 0 ? [] : await containerProblems(context, shrinking)),
  ];
  // As Go prints several errors.
  return problems.length > 1 ? `[${problems.join(', ')}]` : problems[0];
}

async function podProblem(context: ApplyContext, pod: Pod, plan: ResizePlan): Promise<string[]> {
  if (plan.memory.length === 0 && !plan.podLevel) return [];
  const {deps, records, memory} = context;
  const {memoryBytes: wanted} = podCgroup(pod, deps.facts.resources);
  const told = withAllocation(pod, records.get(memory.uid)?.actuated);
  const {memoryBytes: now} = podCgroup(told, deps.facts.resources);
  if (!wanted || (now !== undefined && wanted >= now)) return [];
  const used = await deps.cgroups.memoryUsage(cgroupOf(deps, pod));
  if (used === undefined || used < wanted) return [];
  return [`attempting to set pod memory limit (${wanted}) below current usage (${used})`];
}

async function containerProblems(
  {deps, memory}: ApplyContext,
  shrinking: ResizePlan['memory'],
): Promise<string[]> {
  const {stats} = await deps.cri.runtime.listContainerStats(
    {filter: {labelSelector: {[podLabels.uid]: memory.uid}}},
    {timeoutMs: deps.config.runtimeRequestTimeout},
  );
  return shrinking.flatMap(({container: {name}, id, wanted}) => {
    const usage = stats.find(({attributes}) => attributes?.id === id)?.memory;
    const used = usage?.usageBytes?.value ?? usage?.workingSetBytes?.value;
    if (used === undefined) return [`missing container "${name}" memory usage`];
    if (used < wanted.memoryLimit) return [];
    return [
      `attempting to set container "${name}" memory limit (${wanted.memoryLimit}) below current usage (${used})`,
    ];
  });
}

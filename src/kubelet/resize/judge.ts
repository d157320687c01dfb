import type {Pod} from '../../lib/kubernetes.ts';
import {judgeAdmission, preempt} from '../pod/apply/admit-pod.ts';
import {tellPod} from '../pod/apply/tell.ts';
import type {PodMemory} from '../pod/config/resources/memory.ts';
import {isTerminal} from '../pod/status/phase.ts';
import type {PodRuntime} from '../pod/status/runtime-state.ts';
import type {PodView} from '../pod/status/view.ts';
import type {ResizeTrigger} from '../stats/metrics/pods/resize-metrics.ts';
import {allocationOf, isSameAllocation, type ResourceRecord, withAllocation} from './allocation.ts';
import {infeasible} from './infeasible.ts';
import {isActuated} from './plan.ts';
import {type Pending, type Progress, resizeMessage, resizeStateOf} from './state.ts';

type Found = {readonly pod: Pod; readonly isStatic: boolean};

/**
 * Agrees to what the pod's object wants beyond what the pod was given, or lets it wait; sees when all of it is done
 * (pkg/kubelet/allocation).
 */
export async function judgeResize(view: PodView, memory: PodMemory, runtime: PodRuntime): Promise<void> {
  const found = view.find(memory.uid);
  if (found === undefined || !memory.admitted) return;
  const {pod} = found;
  if (isOver(memory, pod)) {
    memory.resize = {};
    return;
  }
  if (memory.resize === undefined) memory.wokenBy = 'pods_added';
  memory.resize ??= resizeStateOf(pod);
  const wanted = allocationOf(pod);
  const record = view.records.get(pod.metadata.uid);
  if (record === undefined) {
    await view.records.set(pod, {allocated: wanted, actuated: wanted});
    return;
  }
  const now = await agree(view, memory, found, record);
  memory.wokenBy = undefined;
  follow(view, memory, withAllocation(pod, now.allocated), now, runtime);
}

function isOver({verdict, status}: PodMemory, {metadata, status: told}: Pod): boolean {
  const deleted = metadata.deletionTimestamp !== undefined;
  return deleted || verdict !== undefined || isTerminal(status?.phase) || isTerminal(told?.phase);
}

async function agree(
  view: PodView,
  memory: PodMemory,
  found: Found,
  record: ResourceRecord,
): Promise<ResourceRecord> {
  const {pod} = found;
  const {generation} = pod.metadata;
  const wanted = allocationOf(pod);
  const {progress, pending} = memory.resize ?? {};
  if (isSameAllocation(wanted, record.allocated)) {
    memory.resize = progress === undefined ? {} : {progress};
    return record;
  }
  if (pending?.reason === 'Infeasible' && pending.generation === generation) return record;
  const refused = never(view, pod, record) ?? deferred(view, found);
  if (refused === 'wait') return record;
  if (refused !== undefined) {
    refuse(view, memory, pod, refused);
    return record;
  }
  const agreed = {...record, allocated: wanted};
  await view.records.set(pod, agreed);
  if (pending?.reason === 'Deferred') view.deps.telemetry?.resizes.accepted(triggerOf(memory, pending, pod));
  memory.resize = {progress: {generation, sinceMs: view.deps.clock.now()}};
  const message = resizeMessage('Pod resize started', pod, generation);
  tellPod(view.deps.recorder, pod, undefined, 'Normal', 'ResizeStarted', message);
  return agreed;
}

/** Why a resize that was deferred is agreed to just now: another wish, room that others left, or time. */
function triggerOf({wokenBy}: PodMemory, {generation}: Pending, {metadata}: Pod): ResizeTrigger {
  return generation === metadata.generation ? (wokenBy ?? 'periodic_retry') : 'pod_updated';
}

type Refusal = Pick<Pending, 'reason' | 'message'>;

function never({deps}: PodView, pod: Pod, {allocated}: ResourceRecord): Refusal | undefined {
  const found = infeasible(pod, allocated, deps.facts.resources, deps.config);
  if (found === undefined) return undefined;
  deps.telemetry?.resizes.infeasible(found.detail);
  return {reason: 'Infeasible', message: found.message};
}

/** What would keep a new pod of that size from the node just now keeps a pod from growing to it. */
function deferred(view: PodView, found: Found): Refusal | 'wait' | undefined {
  const refused = view.refuse(found.pod, found.isStatic);
  if (refused !== undefined) return {reason: 'Deferred', message: refused.message};
  const admission = judgeAdmission(view, found, view.node());
  switch (admission.do) {
    case 'admit':
      return undefined;
    case 'wait':
      return 'wait';
    case 'reject':
      return {reason: 'Deferred', message: admission.message};
    case 'preempt':
      for (const other of admission.pods) preempt(view, other, admission.resource);
      return 'wait';
    default:
      return admission satisfies never;
  }
}

function refuse(view: PodView, memory: PodMemory, pod: Pod, {reason, message}: Refusal): void {
  const {generation} = pod.metadata;
  const before = memory.resize?.pending;
  const sinceMs = before?.reason === reason ? before.sinceMs : view.deps.clock.now();
  memory.resize = {...memory.resize, pending: {reason, message, generation, sinceMs}};
  if (before?.reason === reason && before.generation === generation) return;
  const text = resizeMessage(`Pod resize ${reason}`, pod, generation, message);
  tellPod(view.deps.recorder, pod, undefined, 'Warning', `Resize${reason}`, text);
}

/** Whether the runtime has been told everything that was agreed to. */
function follow(
  view: PodView,
  memory: PodMemory,
  pod: Pod,
  {actuated}: ResourceRecord,
  runtime: PodRuntime,
): void {
  const {progress, pending} = memory.resize ?? {};
  const keep = pending === undefined ? {} : {pending};
  if (!isActuated(pod, actuated, runtime)) {
    const begun: Progress = {generation: pod.metadata.generation, sinceMs: view.deps.clock.now()};
    memory.resize = {...keep, progress: progress ?? begun};
    return;
  }
  if (progress === undefined) return;
  memory.resize = keep;
  const message = resizeMessage('Pod resize completed', pod, progress.generation);
  tellPod(view.deps.recorder, pod, undefined, 'Normal', 'ResizeCompleted', message);
  view.roomMade();
}

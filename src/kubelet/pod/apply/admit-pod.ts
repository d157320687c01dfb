import type {Node, Pod} from '../../../lib/kubernetes.ts';
import {decideAdmission} from '../../admission/admit.ts';
import type {Admission} from '../../admission/types.ts';
import {declaredFeatures} from '../../node/declared-features.ts';
import type {PodMemory} from '../config/resources/memory.ts';
import {isTerminal} from '../status/phase.ts';
import type {PodRuntime} from '../status/runtime-state.ts';
import type {PodView} from '../status/view.ts';
import {tellPod} from './tell.ts';

const preempted = 'Preempted in order to admit critical pod';

/**
 * Whether the pod may be worked on. Each pod is judged once: what has run, or has a start time, was admitted before
 * this kubelet began, and a restart refuses nothing.
 */
export async function admitPod(view: PodView, memory: PodMemory, runtime: PodRuntime): Promise<boolean> {
  const found = view.find(memory.uid);
  if (found === undefined || memory.verdict !== undefined) return true;
  if (memory.admitted) return true;
  if (wasAdmitted(found.pod, runtime)) {
    memory.admitted = true;
    if (!isTerminal(found.pod.status?.phase)) await view.deps.managers?.restore(found.pod);
    return true;
  }
  const refused = view.refuse(found.pod, found.isStatic);
  let admission: Admission =
    refused === undefined ? judgeAdmission(view, found, view.node()) : {do: 'reject', ...refused};
  // Labels of the Node may have changed just before the scheduler chose it.
  if (admission.do === 'reject' && admission.reason === 'NodeAffinity' && !found.isStatic)
    admission = judgeAdmission(view, found, await view.freshNode());
  // While the Node was read, the pod may have gone; nothing is awaited from here on before it counts as admitted.
  if (view.find(memory.uid) === undefined) return true;
  switch (admission.do) {
    case 'admit':
      return give(view, memory, found.pod);
    case 'reject':
      memory.verdict = {reason: admission.reason, message: admission.message, rejected: true};
      view.deps.telemetry?.node.rejected(admission.reason);
      return true;
    case 'wait':
      return false;
    case 'preempt':
      for (const pod of admission.pods) preempt(view, pod, admission.resource);
      return false;
    default:
      return admission satisfies never;
  }
}

/** What its containers shall have for themselves. While devices are asked for, the pod already counts as admitted. */
async function give(view: PodView, memory: PodMemory, pod: Pod): Promise<boolean> {
  const {managers} = view.deps;
  memory.admitted = true;
  const refused = await managers?.allocate(pod);
  if (refused === undefined) return true;
  memory.admitted = false;
  // What is being ended gives back what it has; its object may be gone already.
  if (managers?.holdsAny(view.leaving()) === true) return false;
  if (memory.verdict === undefined) view.deps.telemetry?.node.rejected(refused.reason);
  memory.verdict ??= {...refused, rejected: true};
  return true;
}

/** What the node's rules say of the pod, beside all others. */
export function judgeAdmission(
  view: PodView,
  {pod, isStatic}: {readonly pod: Pod; readonly isStatic: boolean},
  node: Node | undefined,
): Admission {
  // A Node that was just registered has no status yet.
  const known = node?.status?.allocatable?.pods === undefined ? undefined : node;
  const {allowedUnsafeSysctls, version} = view.deps.config;
  const others = view.active().filter((other) => other.pod.metadata.uid !== pod.metadata.uid);
  const {appArmor} = view.deps.facts;
  const features = declaredFeatures(version);
  return decideAdmission({pod, isStatic, node: known, others, allowedUnsafeSysctls, appArmor, features});
}

export function wasAdmitted({metadata, status}: Pod, runtime: PodRuntime | undefined): boolean {
  return (
    metadata.deletionTimestamp !== undefined ||
    status?.startTime !== undefined ||
    isTerminal(status?.phase) ||
    (runtime !== undefined && runtime.sandboxes.length + runtime.containers.length > 0)
  );
}

export function preempt(view: PodView, pod: Pod, resource: string): void {
  view.deps.telemetry?.node.preempted(resource);
  tellPod(view.deps.recorder, pod, undefined, 'Warning', 'Preempting', preempted);
  view.end(pod.metadata.uid, {
    reason: 'Preempting',
    message: preempted,
    disruption: 'TerminationByKubelet',
    disruptionMessage: 'Pod was preempted by Kubelet to accommodate a critical pod.',
  });
}

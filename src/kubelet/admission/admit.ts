import type {Pod} from '../../lib/kubernetes.ts';
import {lacksAppArmor} from './app-armor.ts';
import {lacksFeatures} from './features.ts';
import {misfits} from './predicates.ts';
import {isCritical, podsToPreempt, type Requirement} from './preemption.ts';
import {forbiddenSysctl} from './sysctls.ts';
import type {ActivePod, Admission, AdmissionSeen, Misfit, Rejection} from './types.ts';

const os = 'linux';

/** Whether a pod may begin on this node. Pure; asked once for each pod, before anything of it is made. */
export function decideAdmission(seen: AdmissionSeen): Admission {
  const {pod, isStatic, node, others} = seen;
  const refused =
    forbiddenSysctl(pod, seen.allowedUnsafeSysctls) ??
    wrongSystem(pod) ??
    lacksAppArmor(pod, seen.appArmor) ??
    lacksFeatures(pod, seen.features);
  if (refused !== undefined) return reject(refused);
  // The API server itself may be a static pod: it cannot wait for a Node that the server has to store.
  if (node === undefined) return isStatic ? {do: 'admit'} : {do: 'wait'};
  if (needsGroups(pod) && node.status?.features?.supplementalGroupsPolicy !== true)
    return reject({
      reason: 'SupplementalGroupsPolicyNotSupported',
      message: 'SupplementalGroupsPolicy=Strict is not supported in this node',
    });
  const found = misfits(pod, isStatic, node, others);
  const [first] = found;
  if (first === undefined) return {do: 'admit'};
  if (!isCritical(pod, isStatic)) return reject(wording(first));
  // A critical pod is never refused for want of resources: others make room.
  const rule = found.find(({kind}) => kind === 'predicate');
  if (rule !== undefined) return reject(wording(rule));
  const left = others.filter(({ending}) => !ending);
  return makeRoom(pod, isStatic, left, misfits(pod, isStatic, node, left));
}

function makeRoom(
  pod: Pod,
  isStatic: boolean,
  others: readonly ActivePod[],
  found: readonly Misfit[],
): Admission {
  const requirements = found.flatMap((m): Requirement[] =>
    m.kind === 'shortage' ? [{resource: m.resource, quantity: m.requested - (m.capacity - m.used)}] : [],
  );
  const [first] = requirements;
  if (first === undefined) return {do: 'wait'};
  const pods = podsToPreempt(pod, isStatic, others, requirements);
  if (pods !== undefined) return {do: 'preempt', pods, resource: first.resource};
  const missing = requirements.map(({resource, quantity}) => `(res: ${resource}, q: ${quantity}), `).join('');
  return reject({
    reason: 'UnexpectedAdmissionError',
    message: `Unexpected error while attempting to recover from admission failure: preemption: error finding a set of pods to preempt: no set of running pods found to reclaim resources: [${missing}]`,
  });
}

function reject(rejection: Rejection): Admission {
  return {do: 'reject', ...rejection};
}

function wrongSystem({metadata, spec}: Pod): Rejection | undefined {
  const label = metadata.labels?.['kubernetes.io/os'];
  if (label !== undefined && label !== os)
    return {
      reason: 'PodOSSelectorNodeLabelDoesNotMatch',
      message: "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label",
    };
  if (spec.os === undefined || spec.os.name === os) return undefined;
  return {reason: 'PodOSNotSupported', message: "Failed to admit pod as the OS field doesn't match node OS"};
}

function needsGroups({spec}: Pod): boolean {
  return spec.securityContext?.supplementalGroupsPolicy === 'Strict';
}

function wording(misfit: Misfit): Rejection {
  if (misfit.kind === 'predicate')
    return {reason: misfit.name, message: `Predicate ${misfit.name} failed: ${misfit.message}`};
  const {resource, requested, used, capacity} = misfit;
  return {
    reason: `OutOf${resource}`,
    message: `Node didn't have enough resource: ${resource}, requested: ${requested}, used: ${used}, capacity: ${capacity}`,
  };
}

import {defaultRequests} from '../../../config/pod/container-defaults.ts';
import {
  aliasServiceAccount,
  containersOf,
  defaultPod,
  defaultPodSpec,
} from '../../../config/pod/pod-defaults.ts';
import {qosClass} from '../../../config/pod/qos.ts';
import {refusedStates} from '../../../config/pod/status-transitions.ts';
import {checkPodSpec} from '../../../config/pod/validation/pod.ts';
import type {Pod} from '../../../lib/kubernetes.ts';
import {checkMetadata} from '../metadata.ts';
import {Problems} from '../problems.ts';
import type {Lookup, Write} from '../types.ts';
import {checkResize} from './pod-resize.ts';
import {admitEphemeralContainers, checkPodUpdate} from './pod-update.ts';
import {admitPriority} from './priority.ts';
import {admitRuntimeClass} from './runtime-class.ts';
import {admitServiceAccount} from './service-account.ts';

const unreachable = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable'];

/** A pod on its way in: defaults, then the admission plugins in their order, then validation. */
export function admitPod(write: Write<Pod>, lookup: Lookup, random: () => number): void {
  const problems = new Problems();
  if (write.subresource === undefined) checkMetadata(problems, write.object, write.resource, write.old);
  if (write.old !== undefined) updatePod(problems, write.object, write.old, write.subresource);
  else createPod(problems, write, lookup, random);
  problems.throwIfAny(write.resource, write.object.metadata.name);
}

function createPod(problems: Problems, write: Write<Pod>, lookup: Lookup, random: () => number): void {
  const pod = write.object;
  defaultPod(pod);
  admitServiceAccount(write, lookup, random);
  admitPriority(write, lookup);
  admitRuntimeClass(write, lookup);
  tolerateLostNodes(pod);
  pod.status = {...pod.status, phase: 'Pending', qosClass: qosClass(pod.spec)};
  if (pod.spec.schedulingGates?.length)
    pod.status.conditions = [
      {
        type: 'PodScheduled',
        status: 'False',
        reason: 'SchedulingGated',
        message: 'Scheduling is blocked due to non-empty scheduling gates',
      },
    ];
  checkPodSpec(problems, pod.spec);
  if (pod.spec.ephemeralContainers?.length)
    problems.forbidden('spec.ephemeralContainers', 'cannot be set on create');
}

function updatePod(problems: Problems, now: Pod, before: Pod, subresource: string | undefined): void {
  switch (subresource) {
    case undefined:
      defaultPodSpec(now.spec);
      checkPodSpec(problems, now.spec);
      checkPodUpdate(problems, now, before);
      break;
    case 'ephemeralcontainers':
      admitEphemeralContainers(problems, now, before);
      break;
    case 'resize':
      for (const container of containersOf(now.spec)) defaultRequests(container);
      checkPodSpec(problems, now.spec);
      checkResize(problems, now, before);
      break;
    default:
      for (const field of refusedStates(before.spec, now.status, before.status))
        problems.forbidden(field, 'may not be transitioned to non-terminated state');
      aliasServiceAccount(now.spec);
  }
}

/** DefaultTolerationSeconds: five minutes on a lost node, unless the pod says something about it. */
function tolerateLostNodes(pod: Pod): void {
  const tolerations = pod.spec.tolerations ?? [];
  for (const key of unreachable) {
    const said = tolerations.some(
      (t) => (t.key === key || !t.key) && (t.effect === 'NoExecute' || !t.effect),
    );
    if (!said) tolerations.push({key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300});
  }
  if (tolerations.length > 0) pod.spec.tolerations = tolerations;
}

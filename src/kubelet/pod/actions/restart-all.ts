import {couldRestartAll, matchingRule} from '../../../config/pod/restart-rules.ts';
import type {Decision} from '../../../lib/control/reconcile.ts';
import type {Container, Pod, PodSpec} from '../../../lib/kubernetes.ts';
import type {PodSeen} from '../seen.ts';
import {isAlive, newestContainer, type RuntimeContainer} from '../status/runtime-state.ts';
import type {Kill, PodAct} from './acts.ts';

/**
 * A container may end with an exit code for which all others are to begin anew in the same sandbox, init containers
 * first: restartPolicyRules with the action RestartAllContainers (KEP-5532). Volumes and addresses stay.
 */
export const allContainersRestarting = 'AllContainersRestarting';
/** Kubernetes' reason for the end of what was removed; its exit is not held against the pod. */
export const restartingAllContainers = 'RestartingAllContainers';

/** A container has asked for it, and not everything that was there before has gone and been told of. */
export function isRestartingAll({status, runtime}: PodSeen, {spec}: Pod): boolean {
  if (!couldRestartAll(spec)) return false;
  const told = status?.conditions?.find(({type}) => type === allContainersRestarting)?.status === 'True';
  return (
    told ||
    ownContainers(spec).some((container) => {
      const newest = newestContainer(runtime, container.name);
      return newest !== undefined && asks(container, newest);
    })
  );
}

/** Something of before is still in the runtime. */
export function hasOldContainers({runtime}: PodSeen, {spec}: Pod): boolean {
  return ownContainers(spec).some(({name}) => newestContainer(runtime, name) !== undefined);
}

/**
 * Everything that runs ends without a hook and with the least grace there is, then all goes; what asked for it goes
 * last, so that a kubelet that is interrupted still sees why. Undefined where nothing is left to do.
 */
export function restartAll(seen: PodSeen, pod: Pod): Decision<PodAct> | undefined {
  if (!isRestartingAll(seen, pod)) return undefined;
  // The status of this round tells that it is over, and counts: the next round starts containers by it.
  if (!hasOldContainers(seen, pod)) return {acts: [], againInMs: 0};
  const own = new Map(ownContainers(pod.spec).map((container) => [container.name, container]));
  const old = seen.runtime.containers.filter(({name}) => own.has(name));
  const kills = old
    .filter((one) => isAlive(one) && !seen.stopping.has(one.id))
    .map((one) => kill(own.get(one.name), one));
  if (kills.length > 0) return {acts: [{do: 'kill', kills}]};
  if (old.some(({id}) => seen.stopping.has(id))) return {acts: []};
  const asking = (one: RuntimeContainer) => {
    const container = own.get(one.name);
    return container !== undefined && asks(container, one);
  };
  const removals = [old.filter((one) => !asking(one)), old.filter(asking)];
  return {
    acts: removals
      .filter((list) => list.length > 0)
      .map((list) => ({do: 'removeContainers', ids: list.map(({id}) => id)})),
  };
}

function ownContainers({initContainers = [], containers}: PodSpec): readonly Container[] {
  return [...initContainers, ...containers];
}

function asks(container: Container, {state, exitCode}: RuntimeContainer): boolean {
  return state === 'exited' && matchingRule(container, exitCode)?.action === 'RestartAllContainers';
}

function kill(spec: Container | undefined, container: RuntimeContainer): Kill {
  return {container, spec, reason: 'restartAll', message: 'killing', graceSeconds: 0, after: []};
}

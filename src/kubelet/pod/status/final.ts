import type {ContainerStatus, Pod} from '../../../lib/kubernetes.ts';
import {isSidecar} from '../actions/restart.ts';
import {lostState} from './container-states.ts';

type Lists = {
  readonly init: readonly ContainerStatus[];
  readonly regular: readonly ContainerStatus[];
};

/**
 * After the end of a pod nothing may look as if it ran, or were still to run: what is not known to have ended counts as
 * failed, but for what the pod never came to (status_manager.go, TerminatePod).
 */
export function finalStatuses(pod: Pod, {init, regular}: Lists) {
  const reached = init.findLastIndex(
    ({state, lastState}) => state?.waiting === undefined || lastState?.terminated,
  );
  return {
    init: init.map((status, at) => (at <= Math.max(0, reached) ? finalStatus(status) : status)),
    regular: hasInitialized(pod, init, regular) ? regular.map(finalStatus) : [...regular],
  };
}

function finalStatus(status: ContainerStatus): ContainerStatus {
  if (status.state?.terminated !== undefined) return status;
  const terminated = lostState('The container could not be located when the pod was terminated');
  return {...status, ready: false, started: false, state: {terminated}};
}

function hasInitialized(
  {spec}: Pod,
  init: readonly ContainerStatus[],
  regular: readonly ContainerStatus[],
): boolean {
  const last = spec.initContainers?.at(-1);
  if (last === undefined) return true;
  if (regular.some(({state, lastState}) => lastState?.terminated || state?.waiting === undefined))
    return true;
  const {state, lastState, started} = init.at(-1) ?? {};
  if (isSidecar(last)) return state?.running !== undefined && started === true;
  return state?.terminated?.exitCode === 0 || lastState?.terminated?.exitCode === 0;
}

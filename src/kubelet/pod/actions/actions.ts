import {restartsOnFailure} from '../../../config/pod/restart-rules.ts';
import type {Container} from '../../../lib/kubernetes.ts';
import {needsRestart} from '../../resize/plan.ts';
import {newestContainer, type RuntimeContainer} from '../status/runtime-state.ts';
import type {ActionsInput, ContainerStart, PodActions} from './action-types.ts';
import {type ContainerKill, isChanged, lost, resizeKill} from './container-change.ts';
import {initActions} from './init-actions.ts';
import {hasRegularContainer, shouldStart} from './restart.ts';
import {sandboxNeed} from './sandbox-need.ts';

const done: PodActions = {done: true, kills: [], starts: []};

/** The rules of pkg/kubelet/kuberuntime, computePodActions. */
export function podActions(input: ActionsInput): PodActions {
  const need = sandboxNeed(input.pod, input.runtime);
  if (need.needed) return withNewSandbox(input, need.attempt);
  const init = initActions(input);
  const ephemeral = ephemeralStarts(input);
  if (init.failed) return done;
  if (!init.initialized) return {done: false, kills: init.kills, starts: [...ephemeral, ...init.starts]};
  const regular = regularActions(input);
  if (!regular.keeps && regular.starts.length === 0)
    return {done: true, kills: [...init.kills, ...regular.kills], starts: []};
  return {
    done: false,
    kills: [...init.kills, ...regular.kills],
    starts: [...ephemeral, ...init.starts, ...regular.starts],
  };
}

/** The pod begins anew in a fresh sandbox, unless it has run and must not run again. */
function withNewSandbox({pod, runtime}: ActionsInput, attempt: number): PodActions {
  const {spec} = pod;
  if (spec.restartPolicy === 'Never' && attempt !== 0 && runtime.containers.length > 0) return done;
  const starts = spec.containers.filter((container) => {
    const policy = container.restartPolicy ?? spec.restartPolicy;
    const last = newestContainer(runtime, container.name);
    return !(policy === 'OnFailure' && last?.state === 'exited' && last.exitCode === 0);
  });
  if (starts.length === 0 && hasRegularContainer(spec, runtime)) return done;
  const [first] = spec.initContainers ?? [];
  return {
    sandbox: {attempt},
    done: false,
    kills: [],
    starts:
      first === undefined
        ? starts.map((container) => ({kind: 'regular', container}))
        : [{kind: 'init', container: first}],
  };
}

/** Ephemeral containers start once, even before initialization is complete. */
function ephemeralStarts({pod, runtime}: ActionsInput): ContainerStart[] {
  return (pod.spec.ephemeralContainers ?? [])
    .filter(({name}) => newestContainer(runtime, name) === undefined)
    .map((container) => ({kind: 'ephemeral', container}));
}

function regularActions(input: ActionsInput) {
  const {pod, runtime, restarting} = input;
  const starts: ContainerStart[] = [];
  const kills: ContainerKill[] = [];
  let keeps = false;
  for (const container of pod.spec.containers) {
    const seen = newestContainer(runtime, container.name);
    if (seen === undefined || seen.state !== 'running') {
      const again = seen !== undefined && restarting.has(seen.id);
      if (!again && !shouldStart(container, pod.spec, seen)) continue;
      starts.push({kind: 'regular', container});
      if (seen?.state === 'unknown') kills.push(lost(seen, 'Container'));
      continue;
    }
    const kill = reasonToKill(input, container, seen);
    if (kill === undefined) {
      keeps = true;
      continue;
    }
    const restart =
      kill.restart === true || kill.reason === 'changed' || restartsOnFailure(container, pod.spec);
    kills.push(restart ? willRestart(kill) : kill);
    if (restart) starts.push({kind: 'regular', container});
  }
  return {starts, kills, keeps};
}

function willRestart(kill: ContainerKill): ContainerKill {
  return kill.restart ? kill : {...kill, message: `${kill.message}, will be restarted`, restart: true};
}

/** Whether a running container must go: another image, a probe's verdict, or resources that it cannot get otherwise. */
function reasonToKill(
  {pod, probes: all, actuated}: ActionsInput,
  container: Container,
  seen: RuntimeContainer,
): ContainerKill | undefined {
  const probes = all.get(seen.id);
  if (isChanged(container, seen))
    return {container: seen, reason: 'changed', message: `Container ${container.name} definition changed`};
  if (probes?.liveness === 'failure')
    return {
      container: seen,
      reason: 'liveness',
      message: `Container ${container.name} failed liveness probe`,
    };
  if (probes?.startup === 'failure')
    return {container: seen, reason: 'startup', message: `Container ${container.name} failed startup probe`};
  return needsRestart(pod, container, actuated) ? resizeKill(container, seen) : undefined;
}

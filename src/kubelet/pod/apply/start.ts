import {listDirectory} from '../../../edges/files/files.ts';
import type {Container, Pod} from '../../../lib/kubernetes.ts';
import {noteGiven} from '../../resize/apply.ts';
import type {PodAct} from '../actions/acts.ts';
import {crashKey} from '../actions/crash-backoff.ts';
import {imageVolumeName, imageVolumesOf} from '../config/image-volumes.ts';
import {podPaths} from '../config/pod-paths.ts';
import {restartsByLogs} from '../config/restarts-by-logs.ts';
import {newestContainer, nothingRuns, type PodRuntime} from '../status/runtime-state.ts';
import {containerGrace} from '../status/termination.ts';
import type {ApplyContext} from './apply-context.ts';
import {kill} from './kill.ts';
import {type ContainerLaunch, runPostStart, StartError, startContainer} from './start-container.ts';
import {tellPod} from './tell.ts';

/** As Kubernetes waits between tries of a pod that could not be synced. */
const startRetryMs = 10_000;

/** Starts a container and runs its postStart hook; a failure is remembered, and tried again in its time. */
export async function start(
  context: ApplyContext,
  act: PodAct & {do: 'start'},
  signal: AbortSignal,
): Promise<void> {
  const {deps, pod, limit, runtime, memory, images} = context;
  if (pod === undefined) return;
  const {container} = act;
  const {name} = container;
  const known = runtime.peek(memory.uid) ?? nothingRuns;
  const last = newestContainer(known, name);
  if (last?.state === 'exited') memory.crashes.restarted(crashKey(pod, name), deps.clock.now());
  try {
    const launch = await launchOf(context, pod, act, known);
    const id = await limit.run('finish', signal, () =>
      runtime.act(
        memory.uid,
        () => startContainer(deps, launch, signal),
        (container) => [{container, sandboxId: launch.sandbox.id}],
      ),
    );
    images.consume(memory.uid, name);
    memory.startFailures.delete(name);
    countImageVolumes(context, pod, container);
    await noteGiven(context, pod, container.name);
    await runPostStart(deps, launch, id, signal);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    images.consume(memory.uid, name);
    deps.telemetry?.pods.containerFailed(act.kind, error.reason);
    if (error.message.includes('ImageVolumeMountFailed')) countImageVolumes(context, pod, container, true);
    // Most runtimes find only now that a user namespace cannot be had.
    if (pod.spec.hostUsers === false && !memory.startFailures.has(name))
      deps.telemetry?.pods.userNamespaceFailed();
    await startFailed(context, pod, container, error);
  }
}

function countImageVolumes({deps}: ApplyContext, pod: Pod, container: Container, failed = false): void {
  const names = imageVolumesOf(pod, container).map(({name}) => name);
  const mounts = container.volumeMounts?.filter(({name}) => names.includes(imageVolumeName(name))) ?? [];
  if (names.length > 0) deps.telemetry?.podCounts.imageVolumes(names.length, mounts.length, failed);
}

async function launchOf(
  {deps}: ApplyContext,
  pod: Pod,
  act: PodAct & {do: 'start'},
  known: PodRuntime,
): Promise<ContainerLaunch> {
  const {name} = act.container;
  const isForgotten = act.attempt > 0 && newestContainer(known, name) === undefined;
  const logs = isForgotten ? await listDirectory(`${podPaths(deps.config, pod).logs}/${name}`) : [];
  const target = (pod.spec.ephemeralContainers ?? []).find((c) => c.name === name)?.targetContainerName;
  const targetContainerId = target ? newestContainer(known, target)?.id : undefined;
  if (target && targetContainerId === undefined)
    throw new StartError('CreateContainerConfigError', `unable to find target container ${target}`);
  return {
    ...act,
    pod,
    attempt: Math.max(act.attempt, restartsByLogs(logs)),
    podIps: pod.spec.hostNetwork ? deps.facts.hostIps() : act.sandbox.ips,
    targetContainerId,
  };
}

async function startFailed(
  context: ApplyContext,
  pod: Pod,
  spec: Container,
  error: StartError,
): Promise<void> {
  const {name} = spec;
  const {deps, memory} = context;
  const {reason, message} = error;
  tellPod(deps.recorder, pod, name, 'Warning', 'Failed', `Error: ${message}`);
  // A container that the runtime has started and that ended has the crash back-off; others wait here.
  const retry = error.containerId === undefined ? {retryAtMs: deps.clock.monotonic() + startRetryMs} : {};
  memory.startFailures.set(name, {reason, message, key: crashKey(pod, name), ...retry});
  if (error.containerId === undefined) return;
  const runtime = await context.runtime.get(memory.uid);
  const container = runtime.containers.find(({id}) => id === error.containerId);
  if (container === undefined) return;
  const graceSeconds = containerGrace(pod, spec, 'changed');
  const kills = [
    {container, spec, reason: 'ended', message: 'FailedPostStartHook', graceSeconds, after: []},
  ] as const;
  kill(context, {do: 'kill', kills});
}

import {goMessage} from '../../../edges/cri/message.ts';
import {listDirectory, makeDirectory} from '../../../edges/files/files.ts';
import {removeLinksInto} from '../../../edges/files/pod-files.ts';
import {removeTree} from '../../../edges/files/trees.ts';
import {isConflict, isNotFound} from '../../../edges/kube/errors.ts';
import {describeError} from '../../../lib/errors.ts';
import type {Container, Pod} from '../../../lib/kubernetes.ts';
import {pods} from '../../../lib/resources.ts';
import {noteGiven, resizePod} from '../../resize/apply.ts';
import {removeFromRuntime} from '../../runtime/remove.ts';
import type {PodAct} from '../actions/acts.ts';
import {crashKey} from '../actions/crash-backoff.ts';
import {buildSandbox, cgroupOf} from '../config/build.ts';
import {PodConfigError} from '../config/config-error.ts';
import {logLinkPrefix, podPaths, podRoot} from '../config/pod-paths.ts';
import {restartsByLogs} from '../config/restarts-by-logs.ts';
import {newestContainer, nothingRuns, type PodRuntime} from '../status/runtime-state.ts';
import {containerGrace} from '../status/termination.ts';
import type {ApplyContext} from './apply-context.ts';
import {beginKills} from './kill.ts';
import {preparePod} from './prepare.ts';
import {each, stopSandboxes} from './runtime-calls.ts';
import {type ContainerLaunch, runPostStart, StartError, startContainer} from './start-container.ts';
import {tellPod} from './tell.ts';

/** Sandboxes take longer than other calls: the network is made with them (Kubernetes: twice the timeout). */
const sandboxTimeoutFactor = 2;
/** As Kubernetes waits between tries of a pod that could not be synced. */
const startRetryMs = 10_000;
const callTimeoutMs = 10_000;

/** Does one thing to a pod. Whatever it makes or ends in the runtime is read again before the next decision. */
export async function applyPod(context: ApplyContext, act: PodAct, signal: AbortSignal): Promise<void> {
  switch (act.do) {
    case 'prepare':
      return preparePod(context);
    case 'createSandbox':
      return createSandbox(context, act.attempt, signal);
    case 'ensureImage':
      if (context.pod !== undefined) context.images.ensure(context.pod, act.container);
      return;
    case 'start':
      return start(context, act, signal);
    case 'kill':
      return kill(context, act);
    case 'resize':
      return resizePod(context, act);
    case 'stopSandboxes':
      return context.endLimit.run('finish', signal, () => stopSandboxes(context, act.ids));
    case 'removeContainers':
      return each(context, act.ids, (id, {timeoutMs}) => {
        const {cri, config} = context.deps;
        return removeFromRuntime({cri, endpoint: config.containerRuntimeEndpoint, timeoutMs}, id);
      });
    case 'removeSandboxes':
      // Nobody waits for that: what ends goes first.
      return context.endLimit.run('begin', signal, () =>
        each(context, act.ids, (podSandboxId, options) =>
          context.deps.cri.runtime.removePodSandbox({podSandboxId}, options),
        ),
      );
    case 'unprepareClaims':
      return context.deps.dynamicResources?.unprepare(context.memory.uid);
    case 'tearDown':
      return tearDown(context);
    case 'deleteObject':
      return deleteObject(context);
    case 'forget':
      return forget(context);
    case 'tell':
      context.memory.told.add(act.key);
      return tell(context, act.container, act.type, act.reason, act.message);
    default:
      return act satisfies never;
  }
}

function tell(
  {deps, pod}: ApplyContext,
  container: string | undefined,
  type: 'Normal' | 'Warning',
  reason: string,
  message: string,
): void {
  if (pod !== undefined) tellPod(deps.recorder, pod, container, type, reason, message);
}

async function createSandbox(context: ApplyContext, attempt: number, signal: AbortSignal): Promise<void> {
  const {deps, pod, limit, runtime, memory} = context;
  if (pod === undefined) return;
  await prepareClaims(context, pod, signal);
  const counts = deps.telemetry?.pods;
  const ownUsers = pod.spec.hostUsers === false;
  if (ownUsers) counts?.userNamespaceWanted();
  try {
    const runtimeHandler = await handlerOf(context, pod);
    const {config, warnings} = await buildSandbox(deps, pod, attempt);
    for (const {reason, message} of warnings) tell(context, undefined, 'Warning', reason, message);
    await makeDirectory(podPaths(deps.config, pod).logs, 0o755);
    const timeoutMs = deps.config.runtimeRequestTimeout * sandboxTimeoutFactor;
    if (attempt > 0)
      tell(
        context,
        undefined,
        'Normal',
        'SandboxChanged',
        'Pod sandbox changed, it will be killed and re-created.',
      );
    await limit.run('begin', signal, async () => {
      runtime.touch(memory.uid);
      await deps.cri.runtime.runPodSandbox({config, runtimeHandler}, {signal, timeoutMs});
    });
  } catch (error) {
    signal.throwIfAborted();
    if (ownUsers) counts?.userNamespaceFailed();
    const message = error instanceof PodConfigError ? error.message : goMessage(error);
    tell(context, undefined, 'Warning', 'FailedCreatePodSandBox', `Failed to create pod sandbox: ${message}`);
    throw error;
  } finally {
    runtime.touch(memory.uid);
  }
}

async function prepareClaims(context: ApplyContext, pod: Pod, signal: AbortSignal): Promise<void> {
  try {
    await context.deps.dynamicResources?.prepare(pod, signal);
  } catch (error) {
    signal.throwIfAborted();
    const message = `Failed to prepare dynamic resources: ${describeError(error)}`;
    tell(context, undefined, 'Warning', 'FailedPrepareDynamicResources', message);
    throw error;
  }
}

async function handlerOf({deps}: ApplyContext, {spec}: Pod): Promise<string> {
  const handler = await deps.runtimeClasses.handler(spec.runtimeClassName);
  if (handler !== undefined) return handler;
  throw new PodConfigError(`runtimeclass.node.k8s.io "${spec.runtimeClassName}" not found`);
}

async function start(context: ApplyContext, act: PodAct & {do: 'start'}, signal: AbortSignal): Promise<void> {
  const {deps, pod, limit, runtime, memory, images} = context;
  if (pod === undefined) return;
  const {container} = act;
  const {name} = container;
  const known = runtime.peek(memory.uid) ?? nothingRuns;
  const last = newestContainer(known, name);
  if (last?.state === 'exited')
    memory.crashes.restarted(crashKey(pod, name), last.finishedAtMs, deps.clock.now());
  try {
    const launch = await launchOf(context, pod, act, known);
    const id = await limit.run('finish', signal, () => startContainer(deps, launch, signal));
    images.consume(memory.uid, name);
    memory.startFailures.delete(name);
    runtime.touch(memory.uid);
    await noteGiven(context, pod, container.name);
    await runPostStart(deps, launch, id, signal);
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    images.consume(memory.uid, name);
    deps.telemetry?.pods.containerFailed(act.kind, error.reason);
    // Most runtimes find only now that a user namespace cannot be had.
    if (pod.spec.hostUsers === false && !memory.startFailures.has(name))
      deps.telemetry?.pods.userNamespaceFailed();
    await startFailed(context, pod, container, error);
  } finally {
    runtime.touch(memory.uid);
  }
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
  tell(context, name, 'Warning', 'Failed', `Error: ${message}`);
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

function kill(context: ApplyContext, {kills}: PodAct & {do: 'kill'}): void {
  const {deps, memory, pod, runtime} = context;
  const own = runtime.peek(memory.uid)?.sandboxes[0]?.ips ?? [];
  const [podIp = ''] = pod?.spec.hostNetwork ? deps.facts.hostIps() : own;
  const onEnd = () => {
    runtime.touch(memory.uid);
    context.again();
  };
  for (const {container, restart} of kills) if (restart) memory.restarting.add(container.id);
  beginKills({deps, memory, pod, podIp, onEnd}, kills);
}

async function tearDown(context: ApplyContext): Promise<void> {
  const {deps, memory, pod, images, probes} = context;
  memory.preparing?.abort(new Error('the pod has come to its end'));
  images.forget(memory.uid);
  probes.forget(memory.uid);
  await deps.volumes.tearDown(memory.uid);
  await deps.userNamespaces.release(memory.uid);
  context.records.forget(memory.uid);
  if (pod !== undefined) await deps.cgroups.remove(cgroupOf(deps, pod));
  memory.volumes = {state: 'none'};
  memory.local = 'clean';
}

async function deleteObject({deps, memory, pod}: ApplyContext): Promise<void> {
  if (pod === undefined) return;
  const {name, namespace, uid} = pod.metadata;
  const how = {gracePeriodSeconds: 0, preconditions: {uid}};
  try {
    await deps.client.delete(pods, {name, namespace}, how, {timeoutMs: callTimeoutMs});
  } catch (error) {
    // Gone, or another pod of that name: the watch will tell.
    if (!isNotFound(error) && !isConflict(error)) throw error;
  }
  memory.objectDeleted = true;
}

async function forget(context: ApplyContext): Promise<void> {
  const {deps, memory, pod, writer} = context;
  try {
    await removeTree(podRoot(deps.config, memory.uid));
    if (pod !== undefined) {
      const {logs} = podPaths(deps.config, pod);
      await removeLinksInto(deps.config.containerLogDir, logs, logLinkPrefix(pod));
      await removeTree(logs);
    }
  } catch (error) {
    // What cannot go now is found again by the sweep of leftovers; the pod itself is over.
    deps.log.warn('files of a pod stay behind', {uid: memory.uid, error: describeError(error)});
  }
  deps.objects.release(memory.uid);
  writer.forget(memory.uid);
  context.records.forget(memory.uid);
  context.forget();
}

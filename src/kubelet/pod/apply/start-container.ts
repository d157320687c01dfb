import {criMessage} from '../../../edges/cri/message.ts';
import {linkLog} from '../../../edges/files/pods/pod-files.ts';
import type {Container, Pod} from '../../../lib/kubernetes.ts';
import {buildContainer, buildSandbox} from '../config/build.ts';
import {PodConfigError} from '../config/config-error.ts';
import {containerLogPath} from '../config/container-config.ts';
import {logLink, podPaths} from '../config/pod-paths.ts';
import type {PodDeps} from '../deps.ts';
import type {PresentImage} from '../seen.ts';
import type {RuntimeSandbox} from '../status/runtime-state.ts';
import {runHook, tellsFallback} from './hooks.ts';
import {tellPod} from './tell.ts';

/** A start that failed: `reason` is what the container's Waiting state shows. */
export class StartError extends Error {
  readonly reason: string;
  /** The container runs and must be killed. */
  readonly containerId: string | undefined;

  constructor(reason: string, message: string, containerId?: string) {
    super(message);
    this.reason = reason;
    this.containerId = containerId;
  }
}

export type ContainerLaunch = {
  readonly pod: Pod;
  readonly container: Container;
  readonly attempt: number;
  readonly sandbox: RuntimeSandbox;
  readonly image: PresentImage;
  readonly podIps: readonly string[];
  readonly targetContainerId: string | undefined;
};

/** Creates and starts a container, links its log. @throws StartError */
export async function startContainer(
  deps: PodDeps,
  launch: ContainerLaunch,
  signal: AbortSignal,
): Promise<string> {
  const {pod, container, attempt} = launch;
  const {cri, config, recorder} = deps;
  const options = {signal, timeoutMs: config.runtimeRequestTimeout};
  const containerId = await create(deps, launch, options);
  tellPod(recorder, pod, container.name, 'Normal', 'Created', 'Container created');
  try {
    // A start that is cut off half-way leaves a process nobody knows of: it is left to end by itself.
    await cri.runtime.startContainer({containerId}, {timeoutMs: config.runtimeRequestTimeout});
  } catch (error) {
    throw new StartError('RunContainerError', criMessage(error));
  }
  tellPod(recorder, pod, container.name, 'Normal', 'Started', 'Container started');
  const log = `${podPaths(config, pod).logs}/${containerLogPath(container.name, attempt)}`;
  await linkLog(logLink(config, pod, container.name, containerId), log);
  return containerId;
}

type Options = {readonly signal: AbortSignal; readonly timeoutMs: number};

async function create(deps: PodDeps, launch: ContainerLaunch, options: Options): Promise<string> {
  const {pod, sandbox} = launch;
  try {
    const [config, {config: sandboxConfig}] = await Promise.all([
      buildContainer(deps, launch),
      buildSandbox(deps, pod, sandbox.attempt),
    ]);
    const {containerId} = await deps.cri.runtime.createContainer(
      {podSandboxId: sandbox.id, config, sandboxConfig},
      options,
    );
    return containerId;
  } catch (error) {
    options.signal.throwIfAborted();
    if (error instanceof PodConfigError) throw new StartError(error.reason, error.message);
    throw new StartError('CreateContainerError', criMessage(error));
  }
}

/** @throws StartError when the handler fails: the container is to be killed */
export async function runPostStart(
  deps: PodDeps,
  launch: ContainerLaunch,
  containerId: string,
  signal: AbortSignal,
): Promise<void> {
  const {pod, container, podIps} = launch;
  const handler = container.lifecycle?.postStart;
  if (handler === undefined) return;
  try {
    const target = {containerId, container, podIp: podIps[0] ?? '', onFallback: tellsFallback(deps, pod)};
    await runHook(deps, handler, target, signal);
  } catch (error) {
    signal.throwIfAborted();
    // The message may hold secrets of the container: it goes to the log only.
    deps.log.info('a postStart hook failed', {
      uid: pod.metadata.uid,
      container: container.name,
      error: String(error),
    });
    tellPod(deps.recorder, pod, container.name, 'Warning', 'FailedPostStartHook', 'PostStartHook failed');
    throw new StartError('PostStartHookError', 'PostStartHook failed', containerId);
  }
}

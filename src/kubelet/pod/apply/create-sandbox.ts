import {goMessage} from '../../../edges/cri/message.ts';
import {makeDirectory} from '../../../edges/files/files.ts';
import {describeError} from '../../../lib/errors.ts';
import type {Pod} from '../../../lib/kubernetes.ts';
import {buildSandbox} from '../config/build.ts';
import {PodConfigError} from '../config/config-error.ts';
import {podPaths} from '../config/pod-paths.ts';
import type {ApplyContext} from './apply-context.ts';
import {tellPod} from './tell.ts';

/** Sandboxes take longer than other calls: the network is made with them (Kubernetes: twice the timeout). */
const sandboxTimeoutFactor = 2;

/** Makes the pod's sandbox, with its network; why it cannot be made is told. */
export async function createSandbox(
  context: ApplyContext,
  attempt: number,
  signal: AbortSignal,
): Promise<void> {
  const {deps, pod, limit, runtime, memory} = context;
  if (pod === undefined) return;
  await prepareClaims(context, pod, signal);
  const counts = deps.telemetry?.pods;
  const ownUsers = pod.spec.hostUsers === false;
  if (ownUsers) counts?.userNamespaceWanted();
  try {
    const runtimeHandler = await handlerOf(context, pod);
    const {config, warnings} = await buildSandbox(deps, pod, attempt);
    for (const {reason, message, forNode} of warnings) {
      tellPod(deps.recorder, pod, undefined, 'Warning', reason, message);
      const {nodeName: name} = deps.config;
      if (forNode !== undefined)
        deps.recorder.record({kind: 'Node', name, uid: name}, 'Warning', reason, forNode);
    }
    await makeDirectory(podPaths(deps.config, pod).logs, 0o755);
    const timeoutMs = deps.config.runtimeRequestTimeout * sandboxTimeoutFactor;
    if (attempt > 0)
      tellPod(
        deps.recorder,
        pod,
        undefined,
        'Normal',
        'SandboxChanged',
        'Pod sandbox changed, it will be killed and re-created.',
      );
    await limit.run('begin', signal, async () => {
      const startMs = deps.clock.monotonic();
      let failed = true;
      try {
        await runtime.act(
          memory.uid,
          () => deps.cri.runtime.runPodSandbox({config, runtimeHandler}, {signal, timeoutMs}),
          ({podSandboxId}) => [{sandbox: podSandboxId}],
        );
        failed = false;
      } finally {
        const seconds = (deps.clock.monotonic() - startMs) / 1000;
        deps.telemetry?.podCounts.sandboxTried(runtimeHandler, seconds, failed);
      }
    });
  } catch (error) {
    signal.throwIfAborted();
    if (ownUsers) counts?.userNamespaceFailed();
    const message = error instanceof PodConfigError ? error.message : goMessage(error);
    const told = `Failed to create pod sandbox: ${message}`;
    tellPod(deps.recorder, pod, undefined, 'Warning', 'FailedCreatePodSandBox', told);
    throw error;
  }
}

async function prepareClaims({deps}: ApplyContext, pod: Pod, signal: AbortSignal): Promise<void> {
  try {
    await deps.dynamicResources?.prepare(pod, signal);
  } catch (error) {
    signal.throwIfAborted();
    const message = `Failed to prepare dynamic resources: ${describeError(error)}`;
    tellPod(deps.recorder, pod, undefined, 'Warning', 'FailedPrepareDynamicResources', message);
    throw error;
  }
}

async function handlerOf({deps}: ApplyContext, {spec}: Pod): Promise<string> {
  const handler = await deps.runtimeClasses.handler(spec.runtimeClassName);
  if (handler !== undefined) return handler;
  throw new PodConfigError(`runtimeclass.node.k8s.io "${spec.runtimeClassName}" not found`);
}

import {removeLinksInto} from '../../../edges/files/pods/pod-files.ts';
import {removeTree} from '../../../edges/files/trees.ts';
import {isConflict, isNotFound} from '../../../edges/kube/errors.ts';
import {describeError} from '../../../lib/errors.ts';
import {pods} from '../../../lib/resources.ts';
import {resizePod} from '../../resize/apply.ts';
import {removeFromRuntime} from '../../runtime/remove.ts';
import type {PodAct} from '../actions/acts.ts';
import {cgroupOf} from '../config/build.ts';
import {logLinkPrefix, podPaths, podRoot} from '../config/pod-paths.ts';
import type {ApplyContext} from './apply-context.ts';
import {createSandbox} from './create-sandbox.ts';
import {kill} from './kill.ts';
import {preparePod} from './prepare.ts';
import {each, stopSandboxes} from './runtime-calls.ts';
import {start} from './start.ts';
import {tellPod} from './tell.ts';

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
      return each(
        context,
        act.ids,
        (id, {timeoutMs}) => {
          const {cri, config} = context.deps;
          return removeFromRuntime({cri, endpoint: config.containerRuntimeEndpoint, timeoutMs}, id);
        },
        removed,
      );
    case 'removeSandboxes':
      // Nobody waits for that: what ends goes first.
      return context.endLimit.run('begin', signal, () =>
        each(
          context,
          act.ids,
          (podSandboxId, options) => context.deps.cri.runtime.removePodSandbox({podSandboxId}, options),
          removed,
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
      return tell(context, act);
    default:
      return act satisfies never;
  }
}

const removed = (id: string) => [{removed: id}];

function tell({deps, memory, pod}: ApplyContext, act: PodAct & {do: 'tell'}): void {
  memory.told.add(act.key);
  if (pod !== undefined) tellPod(deps.recorder, pod, act.container, act.type, act.reason, act.message);
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

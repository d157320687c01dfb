import {isCriNotFound} from '../../../edges/cri/client.ts';
import {goMessage} from '../../../edges/cri/message.ts';
import type {Changed} from '../../runtime/cache.ts';
import {nothingRuns} from '../status/runtime-state.ts';
import type {ApplyContext} from './apply-context.ts';
import {tellPod} from './tell.ts';

/** Ends the pod's network, and tells why that fails: such a pod does not go. */
export async function stopSandboxes(context: ApplyContext, ids: readonly string[]): Promise<void> {
  const {deps, memory, pod, runtime} = context;
  try {
    await each(
      context,
      ids,
      (podSandboxId, options) =>
        runtime.awaitEnd(podSandboxId, () => deps.cri.runtime.stopPodSandbox({podSandboxId}, options)),
      (id) => [{sandbox: id}, ...runningIn(context, id)],
    );
  } catch (error) {
    const message = `error killing pod: failed to "KillPodSandbox" for "${memory.uid}" with KillPodSandboxError: ${JSON.stringify(goMessage(error))}`;
    if (pod !== undefined) tellPod(deps.recorder, pod, undefined, 'Warning', 'FailedKillPod', message);
    throw error;
  }
}

type Call = (id: string, options: {timeoutMs: number}) => Promise<unknown>;

/** The runtime ends them with their sandbox. */
function runningIn({runtime, memory}: ApplyContext, sandboxId: string): Changed[] {
  return (runtime.peek(memory.uid) ?? nothingRuns).containers
    .filter((container) => container.sandboxId === sandboxId && container.state !== 'exited')
    .map(({id}) => ({container: id, sandboxId}));
}

/** All at the same time; what is gone already is as it should be. `changed`: by the call for one of them. */
export async function each(
  {deps, runtime, memory}: ApplyContext,
  ids: readonly string[],
  call: Call,
  changed: (id: string) => readonly Changed[],
): Promise<void> {
  const options = {timeoutMs: deps.config.runtimeRequestTimeout};
  const unlessGone = (error: unknown) => {
    if (!isCriNotFound(error)) throw error;
  };
  await Promise.all(
    ids.map((id) =>
      runtime.act(
        memory.uid,
        () => call(id, options).catch(unlessGone),
        () => changed(id),
      ),
    ),
  );
}

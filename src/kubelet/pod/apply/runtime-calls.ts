import {isCriNotFound} from '../../../edges/cri/client.ts';
import {goMessage} from '../../../edges/cri/message.ts';
import type {ApplyContext} from './apply-context.ts';
import {tellPod} from './tell.ts';

/** Ends the pod's network, and tells why that fails: such a pod does not go. */
export async function stopSandboxes(context: ApplyContext, ids: readonly string[]): Promise<void> {
  const {deps, memory, pod, runtime} = context;
  try {
    await each(context, ids, (podSandboxId, options) =>
      runtime.awaitEnd(podSandboxId, () => deps.cri.runtime.stopPodSandbox({podSandboxId}, options)),
    );
  } catch (error) {
    const message = `error killing pod: failed to "KillPodSandbox" for "${memory.uid}" with KillPodSandboxError: ${JSON.stringify(goMessage(error))}`;
    if (pod !== undefined) tellPod(deps.recorder, pod, undefined, 'Warning', 'FailedKillPod', message);
    throw error;
  }
}

type Call = (id: string, options: {timeoutMs: number}) => Promise<unknown>;

/** All at the same time; what is gone already is as it should be. */
export async function each(
  {deps, runtime, memory}: ApplyContext,
  ids: readonly string[],
  call: Call,
): Promise<void> {
  const options = {timeoutMs: deps.config.runtimeRequestTimeout};
  try {
    await Promise.all(
      ids.map(async (id) => {
        try {
          await call(id, options);
        } catch (error) {
          if (!isCriNotFound(error)) throw error;
        }
      }),
    );
  } finally {
    runtime.touch(memory.uid);
  }
}

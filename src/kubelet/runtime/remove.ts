import {type Cri, isCriNotFound, isCriPrecondition} from '../../edges/cri/client.ts';
import {endTask} from '../../edges/runtime/containerd-tasks.ts';

export type RemoveOptions = {
  readonly cri: Cri;
  readonly endpoint: string;
  readonly timeoutMs: number;
};

/**
 * Removes a container; what is gone already is as it should be. One whose start was cut off may have a process that
 * its runtime forgot: that one ends first.
 */
export async function removeFromRuntime(
  {cri, endpoint, timeoutMs}: RemoveOptions,
  containerId: string,
): Promise<void> {
  const remove = () => cri.runtime.removeContainer({containerId}, {timeoutMs});
  try {
    await remove();
  } catch (error) {
    if (isCriNotFound(error)) return;
    if (!isCriPrecondition(error) || !(await endTask(endpoint, containerId))) throw error;
    await remove();
  }
}

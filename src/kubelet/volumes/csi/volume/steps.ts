import {rpcMessage} from '../../../../edges/csi/client.ts';
import {VolumeStepError} from '../../types.ts';

type Step = 'stage' | 'publish';

const names = {
  stage: {mount: 'MountVolume.MountDevice failed', map: 'MapVolume.SetUpDevice failed'},
  publish: {mount: 'MountVolume.SetUp failed', map: 'MapVolume.MapPodDevice failed'},
} as const;

/** Tells what fails in a step as Kubernetes' events do (operation_generator.go). */
export async function inStep<T>(
  step: Step,
  block: boolean,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    signal?.throwIfAborted();
    if (error instanceof VolumeStepError) throw error;
    const name = names[step][block ? 'map' : 'mount'];
    // The call's own error has other words for the same: as a cause it would be told twice.
    throw new VolumeStepError(name, rpcMessage(error), {reason: block ? 'FailedMapVolume' : 'FailedMount'});
  }
}

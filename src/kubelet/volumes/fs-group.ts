import {needsGroupOwnership, setGroupOwnership} from '../../edges/files/ownership.ts';
import type {Pod} from '../../lib/kubernetes.ts';

/**
 * Gives a volume to the pod's fsGroup. `OnRootMismatch` leaves a tree alone whose root looks right; `Always`, the
 * default, goes through all of it each time that the volume is made.
 */
export async function giveToGroup(pod: Pod, directory: string, readOnly = false): Promise<void> {
  const {fsGroup, fsGroupChangePolicy} = pod.spec.securityContext ?? {};
  if (fsGroup === undefined) return;
  const how = {fsGroup, readOnly};
  if (fsGroupChangePolicy !== 'OnRootMismatch' || (await needsGroupOwnership(directory, how)))
    await setGroupOwnership(directory, how);
}

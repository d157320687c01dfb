import type {KubeletConfig} from '../config/kubelet.ts';
import {subordinateIds} from '../edges/machine/subordinate-ids.ts';
import {describeError, NodectlError} from '../lib/errors.ts';
import {parseSubIds, UserNamespaces} from './pod/config/security/user-namespaces.ts';

/** Kubernetes' name for the user whose subordinate ids are for pods. */
const user = 'kubelet';

/** @throws NodectlError ND701 when the machine gives pods fewer ids than they may need, or none that can be used */
export async function openUserNamespaces({
  rootDir,
  maxPods,
  userNamespaces: {idsPerPod},
}: KubeletConfig): Promise<UserNamespaces> {
  try {
    const told = await subordinateIds(user);
    const range = told === undefined ? undefined : parseSubIds(told);
    return await UserNamespaces.open({podsDir: `${rootDir}/pods`, idsPerPod, range, maxPods});
  } catch (error) {
    throw new NodectlError('ND701', describeError(error), {cause: error});
  }
}

import type {Pod} from '../../../lib/kubernetes.ts';
import type {PodRuntime, RuntimeSandbox} from '../status/runtime-state.ts';

export type SandboxNeed =
  | {readonly needed: false; readonly sandbox: RuntimeSandbox}
  | {readonly needed: true; readonly attempt: number};

/**
 * Whether the pod needs a new sandbox: there is none, more than one is ready, the newest is not ready, it has
 * another kind of network, or no address (pkg/kubelet/kuberuntime/util, PodSandboxChanged).
 */
export function sandboxNeed(pod: Pod, runtime: PodRuntime): SandboxNeed {
  const [newest] = runtime.sandboxes;
  if (newest === undefined) return {needed: true, attempt: 0};
  const hostNetwork = pod.spec.hostNetwork ?? false;
  const good =
    newest.ready &&
    runtime.sandboxes.filter(({ready}) => ready).length === 1 &&
    newest.hostNetwork === hostNetwork &&
    (hostNetwork || newest.ips.length > 0);
  return good ? {needed: false, sandbox: newest} : {needed: true, attempt: newest.attempt + 1};
}

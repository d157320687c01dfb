import type {KubeletConfig} from '../config/kubelet.ts';
import {type Cri, isCriUnimplemented} from '../edges/cri/client.ts';
import {describeError} from '../lib/errors.ts';
import type {Node} from '../lib/kubernetes.ts';
import type {Logger} from '../lib/log.ts';

/** Tells the runtime the node's pod ranges, which it may fill into its CNI configuration (UpdateRuntimeConfig). */
export class PodCidrs {
  readonly #cri: Cri;
  readonly #log: Logger;
  #told = '';

  constructor(cri: Cri, log: Logger, {kubeconfig, podCIDR}: Pick<KubeletConfig, 'kubeconfig' | 'podCIDR'>) {
    this.#cri = cri;
    this.#log = log;
    // Without an API server the configuration says it.
    if (kubeconfig === '') this.#tell(podCIDR);
  }

  follow(node: Node | undefined): void {
    this.#tell((node?.spec?.podCIDRs ?? []).join(','));
  }

  #tell(podCidr: string): void {
    if (podCidr === '' || podCidr === this.#told) return;
    this.#told = podCidr;
    this.#cri.runtime
      .updateRuntimeConfig({runtimeConfig: {networkConfig: {podCidr}}})
      .catch((error: unknown) => {
        if (isCriUnimplemented(error)) return;
        // Told again with the Node's next change.
        this.#told = '';
        this.#log.warn('the runtime does not take the pod CIDR', {podCidr, error: describeError(error)});
      });
  }
}

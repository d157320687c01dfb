import type {KubeletConfig} from '../../config/kubelet.ts';
import {pause} from '../../edges/clock.ts';
import {type Credentials, loadKubeconfig} from '../../edges/kube/connection.ts';
import {describeError} from '../../lib/errors.ts';
import type {Logger} from '../../lib/log.ts';
import type {Clock} from '../../lib/time.ts';
import {leafFacts} from './validity.ts';

/** As often as client-go reads the files of a client certificate anew (transport/cert_rotation.go). */
const lookMs = 300_000;

export type FollowOptions = {
  readonly config: Pick<KubeletConfig, 'kubeconfig'>;
  readonly clock: Clock;
  readonly log: Logger;
};

type Certificate = Credentials & {readonly kind: 'certificate'};

/** Without rotation others renew the client certificate; what they replace is used without a restart. */
export async function followKubeconfig(
  {config, clock, log}: FollowOptions,
  first: Certificate,
  onReplaced: (next: Certificate) => void,
  signal: AbortSignal,
): Promise<void> {
  let last = first;
  while (!signal.aborted) {
    await pause(clock, lookMs, signal);
    if (signal.aborted) return;
    try {
      const {credentials} = await loadKubeconfig(config.kubeconfig);
      // A certificate whose key is not there yet is half of a replacement: the other half is seen the next time.
      if (credentials.kind !== 'certificate' || leafFacts(credentials) === undefined) continue;
      if (credentials.cert === last.cert && credentials.key === last.key) continue;
      last = credentials;
      onReplaced(credentials);
      log.info('the client certificate was replaced', {kubeconfig: config.kubeconfig});
    } catch (error) {
      log.warn('the client certificate could not be read again', {error: describeError(error)});
    }
  }
}

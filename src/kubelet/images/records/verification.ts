import type {KubeletConfig} from '../../../config/kubelet.ts';

/** Whether a pod must show credentials for an image that is here; `ours`: this kubelet has pulled it. */
export type VerificationPolicy = (plain: string, ours: boolean) => boolean;

/** imagePullCredentialsVerificationPolicy (pullmanager/image_pull_policies.go). */
export function verificationPolicy(
  config: Pick<
    KubeletConfig,
    'imagePullCredentialsVerificationPolicy' | 'preloadedImagesVerificationAllowlist'
  >,
): VerificationPolicy {
  switch (config.imagePullCredentialsVerificationPolicy) {
    case 'NeverVerify':
      return () => false;
    case 'NeverVerifyPreloadedImages':
      return (_plain, ours) => ours;
    case 'AlwaysVerify':
      return () => true;
    case 'NeverVerifyAllowlistedImages': {
      const patterns = config.preloadedImagesVerificationAllowlist;
      return (plain) => !patterns.some((pattern) => isListed(pattern, plain));
    }
    default:
      return config.imagePullCredentialsVerificationPolicy satisfies never;
  }
}

/** A whole name, or everything below a path that ends with `/*`. */
function isListed(pattern: string, plain: string): boolean {
  return pattern.endsWith('/*') ? plain.startsWith(pattern.slice(0, -1)) : plain === pattern;
}

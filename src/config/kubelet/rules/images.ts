import type {KubeletConfiguration} from '../defaults.ts';
import {isEnabled} from '../feature-gates.ts';
import {rule} from './rule.ts';

/** Rules of pulling images, of who may use them, and of removing them. */
export function imageProblems(c: KubeletConfiguration): string[] {
  return [
    ...rule(
      c.imageGCLowThresholdPercent < c.imageGCHighThresholdPercent,
      'imageGCLowThresholdPercent: must be less than imageGCHighThresholdPercent',
    ),
    ...rule(c.imageMinimumGCAge >= 0, 'imageMinimumGCAge: must not be negative'),
    ...rule(
      c.imageMaximumGCAge === 0 || c.imageMaximumGCAge > c.imageMinimumGCAge,
      'imageMaximumGCAge: must be greater than imageMinimumGCAge',
    ),
    ...rule(
      !c.serializeImagePulls || (c.maxParallelImagePulls ?? 1) < 2,
      'maxParallelImagePulls: above 1 needs serializeImagePulls: false',
    ),
    ...verification(c),
  ];
}

function verification(c: KubeletConfiguration): string[] {
  const {imagePullCredentialsVerificationPolicy: policy, preloadedImagesVerificationAllowlist: allowed} = c;
  const field = 'preloadedImagesVerificationAllowlist';
  return [
    ...rule(
      (policy === 'NeverVerifyPreloadedImages' && allowed.length === 0) ||
        isEnabled(c.featureGates, 'KubeletEnsureSecretPulledImages'),
      'imagePullCredentialsVerificationPolicy: needs the feature gate KubeletEnsureSecretPulledImages',
    ),
    ...rule(
      allowed.length === 0 || policy === 'NeverVerifyAllowlistedImages',
      `${field}: needs imagePullCredentialsVerificationPolicy NeverVerifyAllowlistedImages`,
    ),
    ...allowed
      .filter((pattern) => !isImagePattern(pattern))
      .map(
        (pattern) => `${field}: ${JSON.stringify(pattern)} is neither an image without a tag nor <host>/*`,
      ),
  ];
}

/** `registry/path/image`, or everything below `registry/path/*` (pullmanager, getAllowlistImagePattern). */
function isImagePattern(pattern: string): boolean {
  const [start = '', ...rest] = pattern.split('/*');
  const wild = pattern.endsWith('/*') && rest.length === 1;
  if (wild) return start !== '' && start === start.trim() && !start.includes('*');
  const host = '(?:[a-zA-Z0-9](?:[-a-zA-Z0-9.]*[a-zA-Z0-9])?|\\[[0-9a-fA-F:]+\\])(?::\\d+)?';
  const part = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*';
  return new RegExp(`^(?:${host}/)?${part}(?:/${part})*$`).test(pattern);
}

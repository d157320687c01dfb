import {pullMessage} from '../../edges/cri/message.ts';
import type {StartFailure} from '../pod/seen.ts';

/** An image that is not to be had for a reason of Kubernetes' own; the reason is the container's Waiting reason. */
export class ImageError extends Error {
  readonly reason: 'InvalidImageName' | 'ImageInspectError' | 'ErrImageNeverPull';

  constructor(reason: ImageError['reason'], message: string) {
    super(message);
    this.reason = reason;
  }
}

export type ImageFailure = StartFailure & {
  readonly event: {readonly reason: string; readonly message: string};
};

const pullReasons = ['ErrImagePull', 'RegistryUnavailable', 'SignatureValidationFailed'];

/** The registry was asked: the next try has a back-off that grows. */
export function isPullFailure(reason: string): boolean {
  return pullReasons.includes(reason);
}

/** The words of pkg/kubelet/images: of the container's state, and of its event. */
export function failureOf(error: unknown, image: string): ImageFailure {
  if (error instanceof ImageError) {
    const {reason, message} = error;
    const event = {reason: reason === 'ErrImageNeverPull' ? reason : 'InspectFailed', message};
    return {reason, message, event};
  }
  const words = pullMessage(error);
  const event = {reason: 'Failed', message: `Failed to pull image "${image}": ${words}`};
  const special = [
    ['RegistryUnavailable', 'the registry is unavailable'],
    ['SignatureValidationFailed', 'the signature validation failed'],
  ].find(([prefix = '']) => words.startsWith(prefix));
  if (special === undefined) return {reason: 'ErrImagePull', message: words, event};
  const [reason = '', why = ''] = special;
  const message = `image pull failed for ${image} because ${why}${words.slice(reason.length)}`;
  return {reason, message, event};
}

import type {Finding} from '../check.ts';
import {nodeCheck} from '../node/context.ts';
import {describe, podCauses, together, type Waiting, waitingContainers} from './waiting.ts';

/** The kubelet's own words (pkg/kubelet/images/types.go). */
export const imageReasons = [
  'ErrImagePull',
  'ImagePullBackOff',
  'InvalidImageName',
  'ErrImageNeverPull',
  'ImageInspectError',
  'RegistryUnavailable',
  'SignatureValidationFailed',
];

export const podImages = nodeCheck({
  name: 'PodImages',
  category: 'pods',
  codes: ['ND511'],
  looks: 'reads why containers wait',
  after: ['Authorized'],
  blames: podCauses,
  observe: ({sight}) => sight.pods(),
  judge: (seen, {nowMs}) => (seen.kind === 'there' ? judgeImages(waitingContainers(seen.object, nowMs)) : []),
});

export function judgeImages(waiting: readonly Waiting[]): readonly Finding[] {
  return together(
    'ND511',
    waiting.filter(({reason}) => imageReasons.includes(reason)),
    ({pod}, count) => (count === 1 ? `${pod} waits for its image` : `${count} pods wait for their images`),
    describe,
  );
}

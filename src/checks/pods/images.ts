import type {Finding} from '../check.ts';
import {nodeCheck} from '../node/context.ts';
import {imageCause} from './causes/image-cause.ts';
import {briefly, describe, podCauses, together, type Waiting, waitingContainers} from './waiting.ts';

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
  const stuck = waiting.filter(({reason}) => imageReasons.includes(reason));
  const causes = stuck.map(({reason, message}) => imageCause(reason, message));
  // Several with different causes are told by their details.
  const cause = causes.every((other) => other?.what === causes[0]?.what) ? causes[0] : undefined;
  const why = cause === undefined ? '' : `: ${cause.what}`;
  return together(
    'ND511',
    briefly(stuck, ({reason, message}) => imageCause(reason, message)?.what),
    ({pod}, count) =>
      count === 1 ? `${pod} waits for its image${why}` : `${count} pods wait for their images${why}`,
    (first) => [...(cause === undefined ? [] : [cause.next(imageIn(first))]), describe(first)],
  );
}

/** Of a volume that is an image the message tells the name; the container's own is another. */
function imageIn({message, image}: Waiting): string {
  return (
    /(?:pull and unpack|pulling|parse) image (?:reference )?"([^"]+)"/.exec(message)?.[1] ?? image ?? 'IMAGE'
  );
}

import {embeddedImages, helloImage, pauseImage} from '../../config/runtime/images.ts';
import {exists} from '../../edges/files/files.ts';
import {hasImage} from '../../edges/runtime/containerd.ts';
import type {Act} from '../apply/acts.ts';
import type {Facts} from '../phase.ts';

export type MissingImages = readonly Extract<Act, {kind: 'import' | 'import-archive'}>[];

/** Those that travel in nodectl. */
export const embeddedImports = [pauseImage, helloImage].map(
  (image, at) => ({kind: 'import', image, asset: embeddedImages[at] ?? ''}) as const,
);

/** Images that travel in nodectl and are not in the runtime, and those of an airgap bundle not yet brought. */
export async function missingImages(facts: Facts): Promise<MissingImages> {
  const socket = facts.options.layout.containerdSocket;
  const found = await Promise.all(embeddedImports.map(({image}) => hasImage(socket, image)));
  return [...embeddedImports.filter((_, at) => !found[at]), ...(await missingArchives(facts))];
}

/** An image archive has been brought when its record is there. */
export async function missingArchives({options}: Facts): Promise<MissingImages> {
  const {runtime, layout} = options;
  if (runtime.kind !== 'archive') return [];
  const all = runtime.images.map(
    (archive) =>
      ({
        kind: 'import-archive',
        place: runtime.place,
        archive,
        record: `${layout.stateDir}/runtime/images/${archive.sha256}`,
      }) as const,
  );
  const brought = await Promise.all(all.map(({record}) => exists(record)));
  return all.filter((_, at) => !brought[at]);
}

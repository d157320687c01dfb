import {resolve} from 'node:path';
import {imageCause} from '../../checks/pods/causes/image-cause.ts';
import type {Cri} from '../../edges/cri/client.ts';
import {listImages, type RuntimeImage} from '../../edges/cri/listing.ts';
import {criMessage} from '../../edges/cri/message.ts';
import {isMissing} from '../../edges/files/files.ts';
import {importArchive} from '../../edges/runtime/image-import.ts';
import {NodectlError} from '../../lib/errors.ts';

export type PulledImage = {readonly image: string; readonly reference: string; readonly ms: number};

const slowMs = 30 * 60_000;

/** @throws NodectlError ND511 with the runtime's words */
export async function pullImage(cri: Cri, image: string, signal: AbortSignal): Promise<PulledImage> {
  const startMs = performance.now();
  try {
    const {imageRef} = await cri.images.pullImage({image: {image}}, {timeoutMs: slowMs, signal});
    return {image, reference: imageRef, ms: performance.now() - startMs};
  } catch (error) {
    signal.throwIfAborted();
    const words = criMessage(error);
    const cause = imageCause('', words);
    if (cause === undefined) throw new NodectlError('ND511', `${image}: ${words}`);
    throw new NodectlError('ND511', `${image}: ${cause.what}\n${words}`, {next: [cause.next(image)]});
  }
}

/** Images of a tar archive, as `docker save` or an OCI layout has it. */
export async function importImages(
  socket: string,
  path: string,
  onBytes: (done: number, whole: number) => void,
): Promise<readonly string[]> {
  try {
    return await importArchive(socket, resolve(path), onBytes);
  } catch (error) {
    if (isMissing(error)) throw new NodectlError('ND904', `there is no file ${path}`, {cause: error});
    throw error;
  }
}

export type Pruned = {readonly removed: readonly RuntimeImage[]; readonly bytes: number};

/** Removes what no container uses and nobody has pinned. */
export async function pruneImages(cri: Cri, plan: boolean): Promise<Pruned> {
  const unused = (await listImages(cri)).filter(({users, pinned}) => users === 0 && !pinned);
  if (!plan)
    for (const {id} of unused) await cri.images.removeImage({image: {image: id}}, {timeoutMs: 60_000});
  return {removed: unused, bytes: unused.reduce((sum, {bytes}) => sum + bytes, 0)};
}

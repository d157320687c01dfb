import {atOnce, byThreads} from '../../../edges/files/at-once.ts';
import {writeProjection} from '../../../edges/files/pods/atomic-writer.ts';
import {ensureDirectory} from '../../../edges/files/trees.ts';
import {giveOwn} from '../access/fs-group.ts';
import {type Files, nestedMountpoints} from '../content.ts';
import type {PreparedVolume, VolumeRequest} from '../types.ts';
import {ensureTmpfs} from './empty-dir.ts';

/**
 * Brings a volume of generated files up to date. Containers only ever read it, so nothing in it can lead its writer
 * astray (CVE-2017-1002102).
 */
export async function project(
  request: VolumeRequest,
  files: Files,
  where: 'disk' | 'memory',
  againInMs?: number,
): Promise<PreparedVolume> {
  const {directory, pod, volume} = request;
  await ensureDirectory(directory, 0o777);
  if (where === 'memory') await ensureTmpfs(request);
  for (const nested of nestedMountpoints(pod, volume.name)) await ensureNested(directory, nested);
  await writeProjection(
    directory,
    files,
    () => giveOwn(request, directory, true),
    where === 'memory' ? atOnce : byThreads,
  );
  return {path: directory, readOnly: true, relabel: true, ...(againInMs === undefined ? {} : {againInMs})};
}

async function ensureNested(directory: string, nested: string): Promise<void> {
  const parts = nested.split('/');
  if (parts.some((part) => part.startsWith('..'))) throw new Error(`invalid nested mount point ${nested}`);
  let path = directory;
  for (const part of parts) {
    path = `${path}/${part}`;
    await ensureDirectory(path, 0o755);
  }
}

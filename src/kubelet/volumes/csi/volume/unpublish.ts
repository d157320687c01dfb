import {exists} from '../../../../edges/files/files.ts';
import {isMounted, unmount} from '../../../../edges/mounts/mounts.ts';
import type {VolumePlace} from '../../types.ts';
import type {Drivers} from '../driver/drivers.ts';
import {blockPlaces} from '../driver/names.ts';
import {dataDirectory, removeMountNote, targetPath} from './on-disk.ts';
import {unmarkDevice} from './publisher.ts';
import {readVolumeData, removeVolumeData, type VolumeData} from './volume-data.ts';

/** The volume that a driver may have published at a place; undefined: there is nothing of a driver's there. */
export async function publishedAt(place: VolumePlace): Promise<VolumeData | undefined> {
  if (place.mode === 'Block' && !(await exists(deviceMark(place)))) return undefined;
  return readVolumeData(dataDirectory(place));
}

/** @throws while the driver cannot, or will not, let go of it */
export async function unpublish(drivers: Drivers, place: VolumePlace, data: VolumeData): Promise<void> {
  const target = targetPath(place);
  const node = drivers.get(data.driverName);
  await node.nodeUnpublishVolume({volumeId: data.volumeHandle, targetPath: target});
  if (place.mode === 'Filesystem') await removeMountNote(place.directory, target);
  else await unmarkDevice(blockPlaces(place.rootDir, place.specName).directory, place.uid);
}

/** A mount that nobody has noted anything of: no driver can be asked to take it away. */
export async function takeUnnoted(place: VolumePlace): Promise<void> {
  const target = targetPath(place);
  if (await isMounted(target)) await unmount(target);
  // A note that cannot be read.
  if (place.mode === 'Filesystem') await removeVolumeData(place.directory);
}

function deviceMark({rootDir, specName, uid}: VolumePlace): string {
  return `${blockPlaces(rootDir, specName).directory}/dev/${uid}`;
}

import {removeEmpty} from '../../../../edges/files/empty-places.ts';
import {listDirectory} from '../../../../edges/files/files.ts';
import {isMounted} from '../../../../edges/mounts/mounts.ts';
import {placesOf} from '../../places.ts';
import type {VolumePlace} from '../../types.ts';
import {blockPlaces, blockReserved, blockRoot, pluginDirectory, uniqueVolumeName} from '../driver/names.ts';
import {readVolumeData, removeVolumeData} from './volume-data.ts';

export const podPluginDirectory = 'kubernetes.io~csi';

/** A volume that is staged, or may be, as its directory says. */
export type StagedVolume = {
  readonly driver: string;
  readonly handle: string;
  readonly uniqueName: string;
  /** Of a block volume: what its places are called. */
  readonly specName: string | undefined;
  /** Has vol_data.json. */
  readonly directory: string;
  readonly stagingPath: string;
  /** The SELinux label that it is staged with. */
  readonly label?: string;
};

/** A pod that has a volume, or may have. */
export type VolumeUser = {
  readonly uid: string;
  readonly driver: string;
  readonly uniqueName: string;
  readonly lifecycle: string;
};

/** Every volume that a driver has been asked to stage and not to unstage. */
export async function stagedOnDisk(rootDir: string): Promise<StagedVolume[]> {
  const found: StagedVolume[] = [];
  const root = pluginDirectory(rootDir);
  for (const driver of await listDirectory(root)) {
    if (`${root}/${driver}` === blockRoot(rootDir)) continue;
    for (const name of await listDirectory(`${root}/${driver}`)) {
      const directory = `${root}/${driver}/${name}`;
      found.push(...(await stagedAt(directory, `${directory}/globalmount`, undefined)));
    }
  }
  for (const specName of await listDirectory(blockRoot(rootDir))) {
    if (blockReserved.has(specName)) continue;
    const {directory, staging} = blockPlaces(rootDir, specName);
    found.push(...(await stagedAt(`${directory}/data`, staging, specName)));
  }
  return found;
}

async function stagedAt(
  directory: string,
  stagingPath: string,
  specName: string | undefined,
): Promise<StagedVolume[]> {
  const data = await readVolumeData(directory);
  if (data === undefined) return [];
  const {driverName: driver, volumeHandle: handle, seLinuxMountContext: label} = data;
  const uniqueName = uniqueVolumeName(driver, handle);
  const labelled = label === undefined ? {} : {label};
  return [{driver, handle, uniqueName, specName, directory, stagingPath, ...labelled}];
}

/** Every pod with a CSI volume on the disk. */
export async function usersOnDisk(rootDir: string): Promise<VolumeUser[]> {
  const users: VolumeUser[] = [];
  for (const uid of await listDirectory(`${rootDir}/pods`))
    for (const place of await placesOf(rootDir, uid)) {
      if (place.plugin !== podPluginDirectory) continue;
      const data = await readVolumeData(dataDirectory(place));
      if (data === undefined) continue;
      const {driverName: driver, volumeHandle, volumeLifecycleMode: lifecycle = 'Persistent'} = data;
      users.push({uid, driver, uniqueName: uniqueVolumeName(driver, volumeHandle), lifecycle});
    }
  return users;
}

/** Where vol_data.json of a pod's volume is: a block volume has one for all its pods. */
export function dataDirectory({rootDir, specName, mode, directory}: VolumePlace): string {
  return mode === 'Block' ? `${blockPlaces(rootDir, specName).directory}/data` : directory;
}

/** Where a driver publishes a pod's volume. */
export function targetPath({rootDir, uid, specName, mode, directory}: VolumePlace): string {
  return mode === 'Block' ? `${blockPlaces(rootDir, specName).publish}/${uid}` : `${directory}/mount`;
}

/**
 * Removes a mount's place and what is noted beside it, unless something is mounted there: then both stay, so that it
 * is given back later. @throws when there are files in the place
 */
export async function removeMountNote(directory: string, mountPath: string): Promise<void> {
  if (await isMounted(mountPath)) return;
  await removeEmpty(mountPath);
  await removeVolumeData(directory);
}

/** What a block volume leaves when no pod has it any more (csi_block.go, cleanupOrphanDeviceFiles). */
export async function removeBlockPlaces(rootDir: string, specName: string): Promise<void> {
  const {directory, staging, publish} = blockPlaces(rootDir, specName);
  await removeEmpty(publish);
  await removeEmpty(staging);
  await removeVolumeData(`${directory}/data`);
  for (const part of ['data', 'dev']) await removeEmpty(`${directory}/${part}`);
  await removeEmpty(directory);
}

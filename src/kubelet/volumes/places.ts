import {listDirectory} from '../../edges/files/files.ts';
import {mountsBelow, readMounts} from '../../edges/mounts/mounts.ts';
import type {VolumeMode, VolumePlace} from './types.ts';

/** A volume that the disk shows, and its plugin's directory. */
export type FoundPlace = VolumePlace & {readonly plugin: string};

const roots: Readonly<Record<VolumeMode, string>> = {Filesystem: 'volumes', Block: 'volumeDevices'};

export function podDirectory(rootDir: string, uid: string): string {
  return `${rootDir}/pods/${uid}`;
}

export function volumeDirectory(
  rootDir: string,
  uid: string,
  plugin: string,
  specName: string,
  mode: VolumeMode,
): string {
  return `${podDirectory(rootDir, uid)}/${roots[mode]}/${plugin}/${specName}`;
}

/** Every volume of a pod that has a place on the disk, finished or not. */
export async function placesOf(rootDir: string, uid: string): Promise<FoundPlace[]> {
  const found: FoundPlace[] = [];
  for (const mode of ['Filesystem', 'Block'] as const) {
    const root = `${podDirectory(rootDir, uid)}/${roots[mode]}`;
    for (const plugin of await listDirectory(root))
      for (const specName of await listDirectory(`${root}/${plugin}`))
        found.push({uid, plugin, specName, mode, directory: `${root}/${plugin}/${specName}`, rootDir});
  }
  return found;
}

/** Pods that have a place for a persistent volume on this node. */
export async function podsUsing(rootDir: string, plugin: string, specName: string): Promise<string[]> {
  const using: string[] = [];
  for (const uid of await listDirectory(`${rootDir}/pods`))
    if ((await placesOf(rootDir, uid)).some((p) => p.plugin === plugin && p.specName === specName))
      using.push(uid);
  return using;
}

/** UIDs of pods that have a directory or mounts on this node. */
export async function podsOnDisk(rootDir: string): Promise<string[]> {
  const prefix = `${rootDir}/pods`;
  const mounted = mountsBelow(await readMounts(prefix), prefix).map(
    (point) => point.slice(prefix.length + 1).split('/')[0],
  );
  const names = new Set([...(await listDirectory(prefix)), ...mounted.filter((uid) => uid !== undefined)]);
  names.delete('');
  return [...names].sort();
}

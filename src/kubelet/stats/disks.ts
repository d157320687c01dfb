import type {KubeletConfig} from '../../config/kubelet.ts';
import type {Cri} from '../../edges/cri/client.ts';
import type {FilesystemUsage} from '../../edges/cri/gen/api_pb.ts';
import {mountedFrom} from '../../edges/mounts/block-devices.ts';
import {deviceOf} from '../../edges/mounts/directory-usage.ts';
import {diskSpace} from '../../edges/mounts/disk.ts';
import {diskActivity} from '../../edges/mounts/disk-activity.ts';
import {type MountEntry, readMounts} from '../../edges/mounts/mounts.ts';
import type {Clock} from '../../lib/time.ts';
import type {DiskStats, SpaceStats} from './types.ts';

export type DiskSource = {readonly config: KubeletConfig; readonly cri: Cri; readonly clock: Clock};

const timeoutMs = 10_000;

/** The file systems of the node: its own, that of the images and that of the writable layers. */
export async function readDisks({config, cri, clock}: DiskSource): Promise<DiskStats> {
  const {imageFilesystems, containerFilesystems} = await cri.images.imageFsInfo({}, {timeoutMs});
  const [image] = imageFilesystems;
  // Runtimes before CRI 0.29 tell of one place for both.
  const container = containerFilesystems[0] ?? image;
  const mounts = await readMounts();
  const [node, activity, images, containers] = await Promise.all([
    spaceOf(config.rootDir, mounts),
    diskActivity(config.rootDir),
    spaceAt(image, mounts),
    spaceAt(container, mounts),
  ]);
  const [nodeDevice, imageDevice, containerDevice] = await Promise.all(
    [config.rootDir, image?.fsId?.mountpoint, container?.fsId?.mountpoint].map(async (path) =>
      path === undefined ? undefined : deviceOf(path),
    ),
  );
  return {
    timeMs: clock.now(),
    node,
    ...(activity === undefined ? {} : {activity}),
    images,
    containers,
    dedicatedImages: imageDevice !== undefined && imageDevice !== nodeDevice,
    splitContainers: containerDevice !== undefined && containerDevice !== imageDevice,
  };
}

async function spaceAt(
  usage: FilesystemUsage | undefined,
  mounts: readonly MountEntry[],
): Promise<SpaceStats | undefined> {
  const mountpoint = usage?.fsId?.mountpoint;
  if (mountpoint === undefined || mountpoint === '') return undefined;
  return spaceOf(mountpoint, mounts, usage?.usedBytes?.value, usage?.inodesUsed?.value);
}

async function spaceOf(
  path: string,
  mounts: readonly MountEntry[],
  usedBytes?: bigint,
  inodesUsed?: bigint,
): Promise<SpaceStats> {
  const {totalBytes, freeBytes, totalInodes, freeInodes} = await diskSpace(path);
  return {
    device: mountedFrom(mounts, path),
    capacityBytes: totalBytes,
    availableBytes: freeBytes,
    inodes: totalInodes,
    inodesFree: freeInodes,
    usedBytes: Number(usedBytes ?? totalBytes - freeBytes),
    inodesUsed: Number(inodesUsed ?? totalInodes - freeInodes),
  };
}

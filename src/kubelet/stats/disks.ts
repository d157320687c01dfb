import type {KubeletConfig} from '../../config/kubelet.ts';
import type {Cri} from '../../edges/cri/client.ts';
import type {FilesystemUsage} from '../../edges/cri/gen/api_pb.ts';
import {deviceOf} from '../../edges/directory-usage.ts';
import {diskSpace} from '../../edges/disk.ts';
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
  const [node, images, containers] = await Promise.all([
    spaceOf(config.rootDir, undefined),
    spaceAt(image),
    spaceAt(container),
  ]);
  const [nodeDevice, imageDevice, containerDevice] = await Promise.all(
    [config.rootDir, image?.fsId?.mountpoint, container?.fsId?.mountpoint].map(async (path) =>
      path === undefined ? undefined : deviceOf(path),
    ),
  );
  return {
    timeMs: clock.now(),
    node,
    images,
    containers,
    dedicatedImages: imageDevice !== undefined && imageDevice !== nodeDevice,
    splitContainers: containerDevice !== undefined && containerDevice !== imageDevice,
  };
}

async function spaceAt(usage: FilesystemUsage | undefined): Promise<SpaceStats | undefined> {
  const mountpoint = usage?.fsId?.mountpoint;
  if (mountpoint === undefined || mountpoint === '') return undefined;
  const told = usage?.usedBytes === undefined ? undefined : usage;
  return spaceOf(mountpoint, told && {usedBytes: told.usedBytes?.value, inodesUsed: told.inodesUsed?.value});
}

async function spaceOf(
  path: string,
  told: {usedBytes?: bigint; inodesUsed?: bigint} | undefined,
): Promise<SpaceStats> {
  const {totalBytes, freeBytes, totalInodes, freeInodes} = await diskSpace(path);
  return {
    capacityBytes: totalBytes,
    availableBytes: freeBytes,
    inodes: totalInodes,
    inodesFree: freeInodes,
    usedBytes: Number(told?.usedBytes ?? totalBytes - freeBytes),
    inodesUsed: Number(told?.inodesUsed ?? totalInodes - freeInodes),
  };
}

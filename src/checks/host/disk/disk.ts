import {type DiskSpace, diskSpace} from '../../../edges/mounts/disk.ts';
import {check, type Finding, failure, warning} from '../../check.ts';

const neededBytes = 1024 ** 3;
const neededInodes = 1000;
/** The kubelet's default eviction threshold for its own file system, nodefs.available. */
const evictionPart = 0.1;

export const disk = check({
  name: 'Disk',
  category: 'host',
  observe: ({options: {layout}}) =>
    Promise.all([layout.containerdRoot, layout.kubeletDir, layout.stateDir].map(diskSpace)),
  judge: (spaces) => distinct(spaces).flatMap(judgeSpace),
});

/** Directories of one file system show the same numbers: said once. */
function distinct(spaces: readonly DiskSpace[]): DiskSpace[] {
  const byNumbers = new Map(spaces.map((s) => [`${s.totalBytes}/${s.freeBytes}/${s.freeInodes}`, s]));
  return [...byNumbers.values()];
}

export function judgeSpace(space: DiskSpace): readonly Finding[] {
  const megabytes = Math.floor(space.freeBytes / 1024 ** 2);
  if (space.freeBytes < neededBytes)
    return [
      failure(
        'ND103',
        `${space.path} has ${megabytes} MB free, nodectl needs 1024 MB`,
        `df -h ${space.path}`,
      ),
    ];
  // File systems without a fixed number of inodes (btrfs) say 0 of 0.
  if (space.totalInodes > 0 && space.freeInodes < neededInodes)
    return [failure('ND103', `${space.path} has ${space.freeInodes} inodes free`, `df -i ${space.path}`)];
  if (space.freeBytes < space.totalBytes * evictionPart)
    return [warning('ND103', `${space.path} has less than 10 % free: the kubelet will report DiskPressure`)];
  return [];
}

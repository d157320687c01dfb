import {type DiskSpace, diskSpace} from '../../../edges/mounts/disk.ts';
import {type Finding, failure} from '../../check.ts';
import {nodeCheck} from '../../node/context.ts';
import {bytesText, evictionThreshold} from '../memory/eviction.ts';

type Thresholds = Readonly<Record<string, string>>;

/** Less than this cannot even hold a container's log. */
const fullBytes = 1024 ** 2;

/** Bytes and inodes of the file systems that a node writes to, against the kubelet's own thresholds. */
export const diskRoom = nodeCheck({
  name: 'DiskRoom',
  category: 'host',
  codes: ['ND106', 'ND107'],
  looks: 'compares the room of the node’s file systems with the eviction thresholds',
  async observe({options: {layout}, sight}) {
    const dirs = [layout.kubeletDir, layout.containerdRoot, layout.stateDir, layout.podLogDir];
    const [spaces, state, config] = await Promise.all([
      Promise.all(dirs.map(diskSpace)),
      diskSpace(layout.containerdState),
      sight.kubeletConfig().catch(() => undefined),
    ]);
    const hard: Thresholds = config?.evictionHard ?? {};
    const limit = (signal: string, fallback: string) => hard[signal] ?? fallback;
    const [kubelet, images, ...others] = spaces;
    return {
      node: [kubelet, ...others].flatMap((space) => space ?? []),
      images: images === undefined ? [] : [images],
      // In memory (/run): no thresholds, but sockets and bundles of new pods need a little.
      state,
      room: limit('nodefs.available', '10%'),
      inodes: limit('nodefs.inodesFree', '5%'),
      imageRoom: limit('imagefs.available', '15%'),
    };
  },
  judge: ({node, images, state, room, inodes, imageRoom}) => [
    ...judgeDisks(node, images, {room, inodes, imageRoom}),
    ...(node.some((space) => sameDisk(space, state)) ? [] : judgeRoom(state, '0', '0')),
  ],
});

/**
 * The threshold of the image store holds wherever that lies (eviction's makeSignalObservations): on a node with one
 * disk 15 % is what counts, not 10 %. What a disk lacks is said once.
 */
export function judgeDisks(
  node: readonly DiskSpace[],
  images: readonly DiskSpace[],
  {room, inodes, imageRoom}: Readonly<Record<'room' | 'inodes' | 'imageRoom', string>>,
): readonly Finding[] {
  const short = distinct(node)
    .map((space) => ({space, findings: judgeRoom(space, room, inodes)}))
    .filter(({findings}) => findings.length > 0);
  return [
    ...short.flatMap(({findings}) => findings),
    ...images
      .filter((space) => !short.some((other) => sameDisk(other.space, space)))
      .flatMap((space) => judgeRoom(space, imageRoom, inodes, 'imagefs')),
  ];
}

function sameDisk(a: DiskSpace, b: DiskSpace | undefined): boolean {
  return a.totalBytes === b?.totalBytes && a.totalInodes === b.totalInodes;
}

/** Directories of one file system show the same size: said once. */
function distinct(spaces: readonly DiskSpace[]): DiskSpace[] {
  return [
    ...new Map(spaces.map((s) => [`${s.totalBytes}/${s.totalInodes}`, s] as const).toReversed()).values(),
  ];
}

export function judgeRoom(
  space: DiskSpace,
  room: string,
  inodes: string,
  fs: 'nodefs' | 'imagefs' = 'nodefs',
): readonly Finding[] {
  const {path, freeBytes, totalBytes, freeInodes, totalInodes} = space;
  if (freeBytes < fullBytes) return [failure('ND106', `the disk of ${path} is full`, `df -h ${path}`)];
  // File systems without a fixed number of inodes (btrfs) say 0 of 0.
  if (totalInodes > 0 && freeInodes === 0)
    return [failure('ND106', `the disk of ${path} has no inodes left`, `df -i ${path}`)];
  if (freeBytes < evictionThreshold(room, totalBytes))
    return [
      failure(
        'ND107',
        `${bytesText(freeBytes)} free at ${path}\nthe kubelet’s threshold ${fs}.available is ${room}`,
        `df -h ${path}`,
      ),
    ];
  if (totalInodes > 0 && freeInodes < evictionThreshold(inodes, totalInodes))
    return [
      failure(
        'ND107',
        `${freeInodes} inodes free at ${path}\nthe kubelet’s threshold ${fs}.inodesFree is ${inodes}`,
        `df -i ${path}`,
      ),
    ];
  return [];
}

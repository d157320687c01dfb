import {ensureDirectory, ensureFile, ensureMode, fileType} from '../../../edges/files/trees.ts';
import {mountTmpfs} from '../../../edges/mounts/mount-batch.ts';
import {isTmpfs, mountHugePages, readMounts} from '../../../edges/mounts/mounts.ts';
import type {Pod} from '../../../lib/kubernetes.ts';
import {quantityValue} from '../../../lib/quantity.ts';
import {podMemoryBytes} from '../../pod/config/resources/resources.ts';
import {giveOwn} from '../access/fs-group.ts';
import {podDirectory} from '../places.ts';
import type {PreparedVolume, VolumePlugin, VolumeRequest} from '../types.ts';

const directoryMode = 0o777;
const directoryName = 'kubernetes.io~empty-dir';

export const emptyDir: VolumePlugin = {
  field: 'emptyDir',
  directory: directoryName,
  follows: false,
  async prepare(request) {
    const {directory, volume, pod} = request;
    const medium = volume.emptyDir?.medium ?? '';
    if (!isMedium(medium)) throw new Error(`unknown storage medium "${medium}"`);
    const made: PreparedVolume = {path: directory, readOnly: false, relabel: true};
    if (await isMade(request, medium)) return made;
    await ensureDirectory(directory, directoryMode);
    await ensureMode(directory, directoryMode);
    if (medium === 'Memory') await ensureTmpfs(request, volume.emptyDir?.sizeLimit);
    else if (medium !== '') await ensureHugePages(directory, pageSize(pod, medium));
    await giveOwn(request, directory, false);
    await ensureDirectory(noteDirectory(request), 0o750);
    await ensureFile(readyFile(request), 0o644);
    return made;
  },
};

const hugePages = 'HugePages';

function isMedium(medium: string): boolean {
  return ['', 'Memory', hugePages].includes(medium) || medium.startsWith(`${hugePages}-`);
}

/**
 * From then on it is its pod's: what that does with modes and owners is not taken back, neither by the next kubelet
 * nor by the next container. What is noted of it is in the place where Kubernetes' kubelet notes it (emptydir,
 * getMetaDir). Memory is made again after a reboot.
 */
async function isMade(request: VolumeRequest, medium: string): Promise<boolean> {
  const {directory} = request;
  if ((await fileType(readyFile(request))) !== 'file' || (await fileType(directory)) !== 'directory')
    return false;
  if (medium === '') return true;
  return medium === 'Memory' ? isTmpfs(directory) : isHugePages(directory);
}

function noteDirectory({context, pod, volume}: VolumeRequest): string {
  return `${podDirectory(context.rootDir, pod.metadata.uid)}/plugins/${directoryName}/${volume.name}`;
}

function readyFile(request: VolumeRequest): string {
  return `${noteDirectory(request)}/ready`;
}

/** Mounts a tmpfs at the volume's place unless there is one; its size is bounded by what the pod may use. */
export async function ensureTmpfs(request: VolumeRequest, sizeLimit?: string): Promise<void> {
  if (await isTmpfs(request.directory)) return;
  const bytes = tmpfsBytes(request.pod, sizeLimit, request.context.nodeAllocatable().memory);
  await mountTmpfs(request.directory, bytes === undefined ? [] : [`size=${bytes}`]);
}

/** min(sizeLimit, the memory of the pod's cgroup, allocatable memory); undefined when none of them is known. */
export function tmpfsBytes(
  pod: Pod,
  sizeLimit: string | undefined,
  allocatable: string | undefined,
): number | undefined {
  const bounds = [quantityValue(sizeLimit), podMemoryBytes(pod) ?? 0, quantityValue(allocatable)];
  const known = bounds.filter((bytes) => bytes > 0);
  return known.length === 0 ? undefined : Math.min(...known);
}

async function ensureHugePages(directory: string, bytes: number): Promise<void> {
  if (!(await isHugePages(directory))) await mountHugePages(directory, [`pagesize=${bytes}`]);
}

async function isHugePages(directory: string): Promise<boolean> {
  const topmost = (await readMounts(directory)).findLast(({mountPoint}) => mountPoint === directory);
  return topmost?.fsType === 'hugetlbfs';
}

/** `HugePages-2Mi` says the size; plain `HugePages` takes the only one that the pod asks for. In bytes. */
export function pageSize({spec}: Pod, medium: string): number {
  const lists = [spec, ...spec.containers, ...(spec.initContainers ?? [])].map(
    ({resources}) => resources?.requests,
  );
  const sizes = new Set(
    lists
      .flatMap((requests) => Object.keys(requests ?? {}))
      .filter((name) => name.startsWith('hugepages-'))
      .map((name) => quantityValue(name.slice('hugepages-'.length))),
  );
  const [only] = sizes;
  const size = medium === hugePages ? only : quantityValue(medium.slice(`${hugePages}-`.length));
  if (size === undefined || !sizes.has(size))
    throw new Error(
      `medium ${medium}: hugePages storage requested, but there is no resource request for huge pages`,
    );
  if (medium === hugePages && sizes.size > 1)
    throw new Error(`medium: ${medium} can't be used if container requests multiple huge page sizes`);
  return size;
}

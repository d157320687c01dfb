import {needsGroupOwnership, setGroupOwnership} from '../../../edges/files/ownership.ts';
import {ensureDirectory} from '../../../edges/files/trees.ts';
import {mountTmpfs} from '../../../edges/mounts/mount-batch.ts';
import {isTmpfs, mountHugePages, readMounts} from '../../../edges/mounts/mounts.ts';
import type {Pod} from '../../../lib/kubernetes.ts';
import {quantityValue} from '../../../lib/quantity.ts';
import {podLimits} from '../../pod/config/pod-resources.ts';
import type {VolumePlugin, VolumeRequest} from '../types.ts';

const directoryMode = 0o777;

export const emptyDir: VolumePlugin = {
  field: 'emptyDir',
  directory: 'kubernetes.io~empty-dir',
  follows: false,
  async prepare(request) {
    const {directory, volume, pod} = request;
    const medium = volume.emptyDir?.medium ?? '';
    if (medium !== '' && medium !== 'Memory' && medium !== 'HugePages' && !medium.startsWith('HugePages-'))
      throw new Error(`unknown storage medium "${medium}"`);
    await ensureDirectory(directory, directoryMode);
    if (medium === 'Memory') await ensureTmpfs(request, volume.emptyDir?.sizeLimit);
    else if (medium !== '') await ensureHugePages(directory, pageSize(pod, medium));
    await ensureGroup(request);
    return {path: directory, readOnly: false, relabel: true};
  },
};

/** Mounts a tmpfs at the volume's place unless there is one; its size is bounded by what the pod may use. */
export async function ensureTmpfs(request: VolumeRequest, sizeLimit?: string): Promise<void> {
  if (await isTmpfs(request.directory)) return;
  const bytes = tmpfsBytes(request.pod, sizeLimit, request.context.nodeAllocatable().memory);
  await mountTmpfs(request.directory, bytes === undefined ? [] : [`size=${bytes}`]);
}

/** min(sizeLimit, the pod's memory limit, allocatable memory); undefined when none of them is known. */
export function tmpfsBytes(
  pod: Pod,
  sizeLimit: string | undefined,
  allocatable: string | undefined,
): number | undefined {
  const podLimit = everyContainerLimited(pod) ? podLimits(pod.spec, {overhead: false}).memory : undefined;
  const bounds = [sizeLimit, podLimit, allocatable].map(quantityValue).filter((bytes) => bytes > 0);
  return bounds.length === 0 ? undefined : Math.min(...bounds);
}

function everyContainerLimited({spec}: Pod): boolean {
  return (
    spec.resources?.limits?.memory !== undefined ||
    spec.containers.every(({resources}) => quantityValue(resources?.limits?.memory) > 0)
  );
}

async function ensureGroup({directory, pod}: VolumeRequest): Promise<void> {
  const fsGroup = pod.spec.securityContext?.fsGroup;
  if (fsGroup === undefined) return;
  const how = {fsGroup, readOnly: false};
  if (await needsGroupOwnership(directory, how)) await setGroupOwnership(directory, how);
}

async function ensureHugePages(directory: string, size: string): Promise<void> {
  if ((await mountedAs(directory)) === 'hugetlbfs') return;
  await mountHugePages(directory, [`pagesize=${quantityValue(size)}`]);
}

async function mountedAs(directory: string): Promise<string | undefined> {
  return (await readMounts(directory)).findLast(({mountPoint}) => mountPoint === directory)?.fsType;
}

/** `HugePages-2Mi` says the size; plain `HugePages` takes the only one that the pod asks for. */
function pageSize({spec}: Pod, medium: string): string {
  const lists = [spec, ...spec.containers, ...(spec.initContainers ?? [])].map(
    ({resources}) => resources?.requests,
  );
  const sizes = new Set(
    lists
      .flatMap((requests) => Object.keys(requests ?? {}))
      .filter((name) => name.startsWith('hugepages-'))
      .map((name) => name.slice('hugepages-'.length)),
  );
  const [only] = sizes;
  const size = medium === 'HugePages' ? only : medium.slice('HugePages-'.length);
  if (size === undefined || !sizes.has(size))
    throw new Error(
      `medium ${medium}: hugePages storage requested, but there is no resource request for huge pages`,
    );
  if (medium === 'HugePages' && sizes.size > 1)
    throw new Error(`medium: ${medium} can't be used if container requests multiple huge page sizes`);
  return size;
}

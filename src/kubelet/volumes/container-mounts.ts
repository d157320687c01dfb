import {MountPropagation} from '../../edges/cri/gen/api_pb.ts';
import {bindSubPath} from '../../edges/mounts/subpath.ts';
import type {Container, Pod} from '../../lib/kubernetes.ts';
import {parseImage} from '../images/reference.ts';
import {PodConfigError} from '../pod/config/config-error.ts';
import type {ContainerDevice, ContainerMount} from '../pod/config/container-config.ts';
import type {EnvironmentVariable} from '../pod/config/environment/environment.ts';
import {expand} from '../pod/config/environment/expansion.ts';
import {podDirectory} from './places.ts';
import type {PreparedVolume} from './types.ts';

type VolumeMount = NonNullable<Container['volumeMounts']>[number];

export type ContainerMountsInput = {
  readonly pod: Pod;
  readonly container: Container;
  readonly rootDir: string;
  readonly volumes: ReadonlyMap<string, PreparedVolume>;
  /** For subPathExpr. */
  readonly environment: readonly EnvironmentVariable[];
  /** The runtime handler can mount a whole tree read-only. */
  readonly recursiveReadOnly: boolean;
};

const propagations = new Map([
  ['None', MountPropagation.PROPAGATION_PRIVATE],
  ['HostToContainer', MountPropagation.PROPAGATION_HOST_TO_CONTAINER],
  ['Bidirectional', MountPropagation.PROPAGATION_BIDIRECTIONAL],
]);

/**
 * A container's volume mounts as the runtime takes them; sub-paths are bound beside the volumes first.
 * @throws PodConfigError
 */
export async function containerMounts(input: ContainerMountsInput): Promise<ContainerMount[]> {
  const wishes = input.container.volumeMounts ?? [];
  // Side by side; where several fail, the first of the list is told.
  const made = await Promise.allSettled(wishes.map((mount, index) => containerMount(mount, index, input)));
  return made.map((result) => {
    if (result.status === 'rejected') throw result.reason;
    return result.value;
  });
}

async function containerMount(
  mount: VolumeMount,
  index: number,
  input: ContainerMountsInput,
): Promise<ContainerMount> {
  const volume = input.volumes.get(mount.name);
  if (volume === undefined)
    throw new PodConfigError(
      `cannot find volume "${mount.name}" to mount into container "${input.container.name}"`,
    );
  const propagation = propagations.get(mount.mountPropagation ?? 'None');
  if (propagation === undefined)
    throw new PodConfigError(`invalid MountPropagation mode: "${mount.mountPropagation}"`);
  return {
    containerPath: mount.mountPath.startsWith('/') ? mount.mountPath : `/${mount.mountPath}`,
    ...(await sourceOf(mount, index, volume, input)),
    readonly: mount.readOnly === true || volume.readOnly,
    propagation,
    recursiveReadOnly: recursiveReadOnly(mount, input.recursiveReadOnly),
    selinuxRelabel: volume.relabel === true,
  };
}

/**
 * The devices that a container gets of block volumes; those of volumes that are read only, it may only read.
 * @throws PodConfigError
 */
export function containerDevices(
  {name, volumeDevices = []}: Container,
  volumes: ReadonlyMap<string, PreparedVolume>,
): ContainerDevice[] {
  return volumeDevices.map((device) => {
    if (!device.devicePath.startsWith('/'))
      throw new PodConfigError(`error DevicePath \`${device.devicePath}\` must be an absolute path`);
    const volume = volumes.get(device.name);
    if (volume === undefined)
      throw new PodConfigError(`cannot find volume "${device.name}" to pass into container "${name}"`);
    const permissions = volume.readOnly ? 'r' : 'mrw';
    return {containerPath: device.devicePath, hostPath: volume.path, permissions};
  });
}

type Source = Pick<ContainerMount, 'hostPath' | 'image' | 'imageSubPath'>;

async function sourceOf(
  mount: VolumeMount,
  index: number,
  volume: PreparedVolume,
  input: ContainerMountsInput,
): Promise<Source> {
  const subPath = mount.subPathExpr
    ? expandSubPath(mount.subPathExpr, input.environment)
    : (mount.subPath ?? '');
  if (subPath.startsWith('/'))
    throw new PodConfigError(`error SubPath \`${subPath}\` must not be an absolute path`);
  if (subPath.split('/').includes('..'))
    throw new PodConfigError(`unable to provision SubPath \`${subPath}\`: must not contain '..'`);
  if (volume.image !== undefined) {
    const image = parseImage(volume.image)?.name ?? volume.image;
    return {hostPath: '', image: {image, userSpecifiedImage: volume.image}, imageSubPath: subPath};
  }
  if (subPath === '') return {hostPath: volume.path};
  const {pod, container, rootDir} = input;
  const place = `${podDirectory(rootDir, pod.metadata.uid)}/volume-subpaths/${mount.name}/${container.name}/${index}`;
  try {
    await bindSubPath(volume.path, subPath, place);
  } catch {
    // The cause would tell the container's owner about the node's file system.
    throw new PodConfigError(
      `failed to prepare subPath for volumeMount "${mount.name}" of container "${container.name}"`,
    );
  }
  return {hostPath: place};
}

function expandSubPath(expression: string, environment: readonly EnvironmentVariable[]): string {
  const values = new Map(environment.map(({name, value}) => [name, value]));
  const missing = new Set<string>();
  const expanded = expand(expression, (name) => {
    const value = values.get(name);
    if (!value) missing.add(name);
    return value ?? '';
  });
  if (missing.size > 0) throw new PodConfigError(`missing value for ${[...missing].sort().join(', ')}`);
  return expanded;
}

/** Kubernetes' words before the reason (kubelet_pods.go, makeMounts): tools and tests look for them. */
const unresolved = 'failed to resolve recursive read-only mode';

/** A promise that must hold or be refused, except where it is asked for only if possible. */
function recursiveReadOnly(mount: VolumeMount, supported: boolean): boolean {
  const wish = mount.recursiveReadOnly ?? 'Disabled';
  if (wish === 'Disabled') return false;
  if (mount.readOnly !== true)
    throw new PodConfigError(
      `${unresolved}: volume "${mount.name}" requested recursive read-only mode, but it is not read-only`,
    );
  if ((mount.mountPropagation ?? 'None') !== 'None')
    throw new PodConfigError(
      `${unresolved}: volume "${mount.name}" requested recursive read-only mode, but it is not compatible with propagation "${mount.mountPropagation}"`,
    );
  if (wish === 'IfPossible') return supported;
  if (wish !== 'Enabled')
    throw new PodConfigError(`${unresolved}: unknown recursive read-only mode "${wish}"`);
  if (supported) return true;
  throw new PodConfigError(
    `${unresolved}: volume "${mount.name}" requested recursive read-only mode, but it is not supported by the runtime`,
  );
}

import * as files from '../../../edges/files/files.ts';
import {ensureDirectory, fileType, removeTree} from '../../../edges/files/trees.ts';
import {formatAndMount, growFilesystem} from '../../../edges/mounts/filesystems.ts';
import {unmountTree} from '../../../edges/mounts/mount-batch.ts';
import {isMounted} from '../../../edges/mounts/mounts.ts';
import {bindWithOptions} from '../../../edges/mounts/volume-mounts.ts';
import {Serial} from '../../../lib/control/serial.ts';
import {giveToGroup} from '../access/fs-group.ts';
import {linkDevice} from '../devices.ts';
import {podsUsing} from '../places.ts';
import {type PreparedVolume, type VolumePlugin, type VolumeRequest, VolumeStepError} from '../types.ts';

const directory = 'kubernetes.io~local-volume';
/** Devices are mounted once for all pods of this node. */
const shared = new Serial();

/** A directory or a device of this node, as a PersistentVolume (pkg/volume/local). */
export const local: VolumePlugin = {
  field: 'local',
  from: 'persistent',
  directory,
  follows: false,
  mountOptions: true,
  devices: true,
  async prepare(request) {
    const {specName, mode, persistent} = request;
    const path = persistent?.volume.spec.local?.path ?? '';
    if (!path.startsWith('/') || path.split('/').includes('..'))
      throw new Error(`invalid path: ${path} must be absolute and must not contain '..'`);
    if (mode === 'Block') return linkDevice(request, path);
    return shared.run(specName, () => mountLocal(request, path));
  },
  async collect(rootDir) {
    for (const name of await files.listDirectory(mountsDirectory(rootDir)))
      await shared.run(name, async () => {
        if ((await podsUsing(rootDir, directory, name)).length > 0) return;
        await unmountTree(`${mountsDirectory(rootDir)}/${name}`);
        await removeTree(`${mountsDirectory(rootDir)}/${name}`);
      });
  },
};

/**
 * Makes the file system of a volume as large as its device has become; there is nothing to do for directories, nor
 * for devices that are given whole (local.go, NodeExpand).
 */
export async function growLocal({persistent, mode, context, specName}: VolumeRequest): Promise<void> {
  const path = persistent?.volume.spec.local?.path ?? '';
  if (mode === 'Block' || (await fileType(path)) === 'directory') return;
  await growFilesystem(path, `${mountsDirectory(context.rootDir)}/${specName}`);
}

function mountsDirectory(rootDir: string): string {
  return `${rootDir}/plugins/kubernetes.io/local-volume/mounts`;
}

async function mountLocal(request: VolumeRequest, path: string): Promise<PreparedVolume> {
  const {pod, readOnly, specName, context} = request;
  // Its place first: from then on the device's mount has a user.
  await ensureDirectory(request.directory, 0o750);
  const source = await sourceOf(request, path);
  const options = [...(readOnly ? ['ro'] : []), ...(request.persistent?.volume.spec.mountOptions ?? [])];
  const isNew = !(await isMounted(request.directory));
  await bindWithOptions(source, request.directory, options);
  if (isNew && !readOnly) {
    const users = await podsUsing(context.rootDir, directory, specName);
    if (users.every((uid) => uid === pod.metadata.uid)) await giveToGroup(request, request.directory);
  }
  return {path: request.directory, readOnly, relabel: !readOnly};
}

/** What is bound into pods: the directory itself, or the place where the device is mounted. */
async function sourceOf(request: VolumeRequest, path: string): Promise<string> {
  const {specName, context, readOnly, persistent} = request;
  switch (await fileType(path)) {
    case 'directory':
      return path;
    case 'block device': {
      const target = `${mountsDirectory(context.rootDir)}/${specName}`;
      const {spec} = persistent?.volume ?? {};
      const options = [...(readOnly ? ['ro'] : []), ...(spec?.mountOptions ?? [])];
      await ensureDirectory(target, 0o750);
      if (!(await isMounted(target)))
        await step('MountVolume.MountDevice failed', () =>
          formatAndMount(path, target, spec?.local?.fsType ?? '', options),
        );
      return target;
    }
    case undefined:
      throw new VolumeStepError(
        'MountVolume.NewMounter initialization failed',
        `path "${path}" does not exist`,
      );
    default:
      throw new VolumeStepError(
        'MountVolume.NewMounter initialization failed',
        'only directory and block device are supported',
      );
  }
}

async function step<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new VolumeStepError(name, error instanceof Error ? error.message : String(error), {cause: error});
  }
}

import {linkAtomic} from '../../edges/files/files.ts';
import {ensureDirectory, fileType, realPath} from '../../edges/files/trees.ts';
import {type PreparedVolume, type VolumeRequest, VolumeStepError} from './types.ts';

/**
 * A pod's block volume: `<pod>/volumeDevices/<plugin>/<name>` is a link to the device, as Kubernetes leaves it; what
 * containers are given is the device that it leads to now.
 */
export async function linkDevice(request: VolumeRequest, path: string): Promise<PreparedVolume> {
  const refuse = (message: string) =>
    new VolumeStepError('MapVolume.MapBlockVolume failed', message, {reason: 'FailedMapVolume'});
  if ((await fileType(path)) !== 'block device') throw refuse(`${path} is not a block device`);
  const device = await realPath(path);
  await ensureDirectory(request.directory.slice(0, request.directory.lastIndexOf('/')), 0o750);
  await linkAtomic(request.directory, device);
  return {path: device, readOnly: request.readOnly};
}

import type {Volume} from '../../../lib/kubernetes.ts';
import type {VolumeOperation} from '../../stats/metrics/pods/volume-metrics.ts';
import type {ResolvedVolume} from '../resolve.ts';
import type {VolumeContext, VolumeMode, VolumePlugin} from '../types.ts';

type Measured = Pick<VolumeContext, 'measured'>;

/** `kubernetes.io~csi` is the directory of `kubernetes.io/csi`; CSI is told with its driver. */
export function pluginName(
  {directory}: Pick<VolumePlugin, 'directory'>,
  volume?: Volume,
  resolved?: ResolvedVolume,
): string {
  const driver = driverOf(volume, resolved);
  const name = directory.replace('~', '/');
  return driver === undefined ? name : `${name}:${driver}`;
}

/** The CSI driver of a volume that has one. */
export function driverOf(volume?: Volume, resolved?: ResolvedVolume): string | undefined {
  return resolved?.persistent?.volume.spec.csi?.driver ?? volume?.csi?.driver;
}

export type Measurable = {readonly plugin: string; readonly mode: VolumeMode; readonly migrated: boolean};

/** Takes the time of making a volume; waiting for its attachment is an operation of its own. */
export async function measureMount<T>(
  {measured}: Measured,
  {plugin, mode, migrated}: Measurable,
  work: () => Promise<T>,
): Promise<T> {
  const begin = performance.now();
  const tell = (operation: VolumeOperation, failed: boolean) =>
    measured?.({plugin, operation, migrated, seconds: (performance.now() - begin) / 1000, failed});
  const mounting = mode === 'Block' ? 'map_volume' : 'volume_mount';
  try {
    const made = await work();
    tell(mounting, false);
    return made;
  } catch (error) {
    const attaching =
      error instanceof Error && 'step' in error && error.step === 'VerifyControllerAttachedVolume failed';
    tell(attaching ? 'verify_controller_attached_volume' : mounting, true);
    throw error;
  }
}

/** The volumes of a pod are taken away together. */
export function measureUnmounts(
  {measured}: Measured,
  places: readonly {readonly plugin: string; readonly mode: VolumeMode}[],
  beginMs: number,
  failed: boolean,
): void {
  for (const {plugin, mode} of places)
    measured?.({
      plugin: pluginName({directory: plugin}),
      operation: mode === 'Block' ? 'unmap_volume' : 'volume_unmount',
      seconds: (performance.now() - beginMs) / 1000,
      failed,
    });
}

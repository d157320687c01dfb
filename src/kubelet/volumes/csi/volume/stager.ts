import {dirname} from 'node:path';
import {isFinal} from '../../../../edges/csi/client.ts';
import {removeEmpty} from '../../../../edges/files/empty-places.ts';
import {exists} from '../../../../edges/files/files.ts';
import {ensureDirectory} from '../../../../edges/files/trees.ts';
import type {KubeClient} from '../../../../edges/kube/client.ts';
import {mountReferences} from '../../../../edges/mounts/mount-references.ts';
import {VolumeWaitError} from '../../types.ts';
import {type AskedDriver, stageVolume} from '../driver/calls.ts';
import {Capability} from '../driver/capability.ts';
import type {Inventory} from '../driver/inventory.ts';
import {attachmentName, blockPlaces, stageDirectory, uniqueVolumeName} from '../driver/names.ts';
import {secretWords} from '../driver/secrets.ts';
import {removeBlockPlaces, removeMountNote, type StagedVolume} from './on-disk.ts';
import type {CsiVolume} from './source.ts';
import {readVolumeData, writeVolumeData} from './volume-data.ts';

export type StagerOptions = {
  readonly client: KubeClient;
  readonly rootDir: string;
  readonly nodeName: string;
  readonly inventory: Inventory;
};

export type StageRequest = {
  readonly volume: CsiVolume;
  readonly publishContext: Readonly<Record<string, string>>;
  readonly fsGroup: number | undefined;
  readonly signal: AbortSignal | undefined;
};

/** Stages volumes once for all pods of the node. Its callers see to it that one volume has one call at a time. */
export class Stager {
  readonly #options: StagerOptions;
  /** Staged for certain: a driver has said so to this kubelet. With the SELinux labels they are mounted with. */
  readonly #staged = new Map<string, string | undefined>();
  /** Staged by an earlier kubelet, perhaps: a failure to stage them again takes nothing away. */
  readonly #inherited = new Map<string, string | undefined>();

  constructor(options: StagerOptions) {
    this.#options = options;
  }

  inherit(staged: readonly StagedVolume[]): void {
    for (const {uniqueName, label} of staged) this.#inherited.set(uniqueName, label);
  }

  /** Where the volume is staged; '' for one that its driver does not stage. */
  async ensure(driver: AskedDriver, request: StageRequest): Promise<string> {
    const {volume} = request;
    const {rootDir, inventory, nodeName} = this.#options;
    if (volume.lifecycle === 'Ephemeral') return '';
    const places = stagePlaces(rootDir, volume);
    const staged = driver.capabilities.has(Capability.STAGE_UNSTAGE_VOLUME);
    if (!staged && !volume.block) return '';
    if (this.#isStaged(volume)) return places.stagingPath;
    if (staged) await this.#freeOfLabel(driver, volume, places);
    const {driver: name, handle, specName: specVolID, label} = volume;
    const labelled = label === undefined ? {} : {seLinuxMountContext: label};
    const noted = {driverName: volume.driver, volumeHandle: volume.handle, ...labelled};
    const attachmentID = attachmentName(name, handle, nodeName);
    const {client} = this.#options;
    const wanted = staged ? volume.stageSecret : undefined;
    const secrets = await secretWords(client, wanted, 'NodeStageSecretRef', request.signal);
    await ensureDirectory(places.directory, 0o750);
    await writeVolumeData(
      places.directory,
      volume.block ? {...noted, specVolID, nodeName, attachmentID} : noted,
    );
    if (!staged) return '';
    await ensureDirectory(places.stagingPath, 0o750);
    inventory.setStaged(volume.uniqueName, volume.driver, true);
    await this.#stage(driver, request, places, secrets);
    this.#staged.set(volume.uniqueName, label);
    return places.stagingPath;
  }

  #isStaged({uniqueName, label}: CsiVolume): boolean {
    return this.#staged.has(uniqueName) && this.#staged.get(uniqueName) === label;
  }

  /** One mount has one label: a pod with another one needs another mount (reconciler, SELinux mount mismatch). */
  async #freeOfLabel(driver: AskedDriver, volume: CsiVolume, places: StagePlaces): Promise<void> {
    const {uniqueName, specName, handle, block} = volume;
    const from = [this.#staged, this.#inherited].find((known) => known.has(uniqueName));
    if (from === undefined || from.get(uniqueName) === volume.label) return;
    const staged = {driver: volume.driver, handle, uniqueName, ...places};
    const spec = block ? specName : undefined;
    try {
      await this.undo(driver, {...staged, specName: spec});
    } catch (error) {
      if (!(error instanceof StillMountedError)) throw error;
      throw new VolumeWaitError(
        'MountVolume.MountDevice failed',
        `waiting for unmount of volume "${uniqueName}", because it is already mounted to a different pod with a different SELinux label`,
        {cause: error},
      );
    }
  }

  /** @throws while the driver cannot, or will not, let go of it */
  async undo(driver: AskedDriver, volume: StagedVolume): Promise<void> {
    const {uniqueName, specName, handle, stagingPath, directory} = volume;
    const {inventory, rootDir} = this.#options;
    const staged = driver.capabilities.has(Capability.STAGE_UNSTAGE_VOLUME);
    const elsewhere = await mountedInPods(rootDir, volume);
    // Taken from under them, they could lose what was written (operation_generator.go, GetDeviceMountRefs).
    if (elsewhere.length > 0)
      throw new StillMountedError(
        `the device mount path "${stagingPath}" is still mounted by other references [${elsewhere.join(' ')}]`,
      );
    // Of a block volume the place goes when it is unstaged, and what is noted of it after that.
    if (staged && (specName === undefined || (await exists(stagingPath))))
      await driver.node.nodeUnstageVolume({volumeId: handle, stagingTargetPath: stagingPath});
    this.#staged.delete(uniqueName);
    this.#inherited.delete(uniqueName);
    if (specName === undefined) await removeStage(directory, stagingPath);
    else await removeBlockPlaces(rootDir, specName);
    inventory.setStaged(uniqueName, volume.driver, false);
  }

  async #stage(
    driver: AskedDriver,
    {volume, publishContext, fsGroup, signal}: StageRequest,
    places: StagePlaces,
    secrets: Readonly<Record<string, string>>,
  ): Promise<void> {
    const wish = {volume, stagingPath: places.stagingPath, publishContext, secrets, fsGroup};
    try {
      await stageVolume(driver, wish, signal === undefined ? {} : {signal});
    } catch (error) {
      // It has failed and is over: there is nothing to unstage. Otherwise the note stays, and with it the duty.
      if (isFinal(error) && !this.#inherited.has(volume.uniqueName))
        await this.#forget(volume, places).catch(() => undefined);
      throw error;
    }
  }

  async #forget(volume: CsiVolume, places: StagePlaces): Promise<void> {
    const {inventory, rootDir} = this.#options;
    if (volume.block) await removeBlockPlaces(rootDir, volume.specName);
    else await removeStage(places.directory, places.stagingPath);
    inventory.setStaged(volume.uniqueName, volume.driver, false);
  }
}

class StillMountedError extends Error {}

/**
 * Where pods still have what is staged. Shares of one server look alike to the kernel: a mount that is noted as
 * another volume is none of these.
 */
async function mountedInPods(rootDir: string, {uniqueName, stagingPath}: StagedVolume): Promise<string[]> {
  const found: string[] = [];
  for (const path of await mountReferences(stagingPath, `${rootDir}/pods`)) {
    const data = await readVolumeData(dirname(path));
    if (data === undefined || uniqueVolumeName(data.driverName, data.volumeHandle) === uniqueName)
      found.push(path);
  }
  return found;
}

async function removeStage(directory: string, stagingPath: string): Promise<void> {
  await removeMountNote(directory, stagingPath);
  await removeEmpty(directory);
}

type StagePlaces = {readonly directory: string; readonly stagingPath: string};

function stagePlaces(rootDir: string, {block, specName, driver, handle}: CsiVolume): StagePlaces {
  if (block) {
    const {directory, staging} = blockPlaces(rootDir, specName);
    return {directory: `${directory}/data`, stagingPath: staging};
  }
  const directory = stageDirectory(rootDir, driver, handle);
  return {directory, stagingPath: `${directory}/globalmount`};
}

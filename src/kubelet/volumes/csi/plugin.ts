import {dirname} from 'node:path';
import {linkAtomic} from '../../../edges/files/files.ts';
import {ensureDirectory} from '../../../edges/files/trees.ts';
import {containerFileLabel} from '../../../edges/mounts/selinux.ts';
import type {Serial} from '../../../lib/control/serial.ts';
import {describeError} from '../../../lib/errors.ts';
import type {CsiDriver} from '../../../lib/kubernetes.ts';
import type {Logger} from '../../../lib/log.ts';
import {mayHaveLabel, mountLabel} from '../access/selinux.ts';
import type {Expander, Grower} from '../growth/expander.ts';
import type {PreparedVolume, VolumePlace, VolumePlugin, VolumeRequest, VolumeUsage} from '../types.ts';
import {type AskedDriver, volumeUsage} from './driver/calls.ts';
import type {DriverObjects} from './driver/driver-objects.ts';
import {attachRequired, checkLifecycle} from './driver/driver-rules.ts';
import type {Drivers} from './driver/drivers.ts';
import type {Inventory} from './driver/inventory.ts';
import {uniqueVolumeName} from './driver/names.ts';
import type {Attachments} from './volume/attachments.ts';
import {dataDirectory, podPluginDirectory, targetPath} from './volume/on-disk.ts';
import {type Publisher, placeOf} from './volume/publisher.ts';
import {type CsiVolume, csiVolume, labelled} from './volume/source.ts';
import type {Stager} from './volume/stager.ts';
import {inStep} from './volume/steps.ts';
import {publishedAt, takeUnnoted, unpublish} from './volume/unpublish.ts';
import {readVolumeData} from './volume/volume-data.ts';
import type {Waits} from './volume/waits.ts';

export type CsiParts = {
  readonly drivers: Drivers;
  readonly objects: DriverObjects;
  readonly attachments: Attachments;
  readonly inventory: Inventory;
  readonly stager: Stager;
  readonly publisher: Publisher;
  readonly expander: Expander;
  readonly grower: (driver: AskedDriver, request: VolumeRequest, volume: CsiVolume) => Grower;
  /** One volume has one call of its driver at a time. */
  readonly serial: Serial;
  readonly log: Logger;
  /** Resolves when the driver is there, or when there is no hope that it comes by itself at once. */
  readonly awaited: (driver: string) => Promise<void>;
  readonly onInUse: () => void;
  readonly waits: Waits;
  /** Whatever nobody uses is unstaged soon. */
  readonly collect: () => Promise<void>;
};

type Published = {request: VolumeRequest; readonly volume: CsiVolume; readonly prepared: PreparedVolume};

/** Volumes of CSI drivers, for pods. */
export class CsiPlugin implements VolumePlugin {
  readonly field = 'csi';
  readonly from = 'both';
  readonly directory = podPluginDirectory;
  readonly follows = false;
  readonly mountOptions = true;
  readonly devices = true;
  readonly #parts: CsiParts;
  /** By pod and name: what this kubelet has published. */
  readonly #published = new Map<string, Published>();
  /** By pod and name: which volume it is, as soon as it is wanted. */
  readonly #wanted = new Map<string, string>();

  constructor(parts: CsiParts) {
    this.#parts = parts;
  }

  async prepare(request: VolumeRequest): Promise<PreparedVolume> {
    const volume = csiVolume(request);
    const known = this.#published.get(keyOf(placeOf(request)));
    if (known !== undefined) {
      known.request = request;
      return known.prepared;
    }
    await this.#want(request, volume);
    const {waits} = this.#parts;
    const {uid} = request.pod.metadata;
    const prepared = await waits.unlessComes(volume.driver, uid, () => this.#bring(request, volume, false));
    this.#published.set(keyOf(placeOf(request)), {request, volume, prepared});
    return prepared;
  }

  async release(place: VolumePlace): Promise<void> {
    const key = keyOf(place);
    // From here on nobody looks after it any more.
    this.#published.delete(key);
    const data = await publishedAt(place);
    const name =
      data === undefined ? this.#wanted.get(key) : uniqueVolumeName(data.driverName, data.volumeHandle);
    if (data === undefined) await takeUnnoted(place);
    else {
      const {drivers, serial, awaited, waits} = this.#parts;
      await awaited(data.driverName);
      await waits.unlessComes(data.driverName, place.uid, () =>
        serial.run(name ?? key, () => unpublish(drivers, place, data)),
      );
    }
    this.#wanted.delete(key);
    this.#parts.waits.forget(place.uid);
    if (name !== undefined) this.#leave(name, place.uid);
    this.#parts.onInUse();
  }

  #leave(uniqueName: string, uid: string): void {
    const {inventory, expander} = this.#parts;
    inventory.leave(uniqueName, uid);
    if (!inventory.isUsed(uniqueName)) expander.forget(uniqueName);
  }

  collect(): Promise<void> {
    return this.#parts.collect();
  }

  async usage(place: VolumePlace, signal: AbortSignal): Promise<VolumeUsage | undefined> {
    const data = await readVolumeData(dataDirectory(place));
    if (data === undefined || !this.#parts.drivers.has(data.driverName)) return undefined;
    const driver = await this.#ask(data.driverName, signal);
    return volumeUsage(driver, data.volumeHandle, targetPath(place), {signal});
  }

  /** Looks after what is published: drivers that want it are asked again, and what has grown is expanded. */
  async attend(): Promise<void> {
    await Promise.all(
      [...this.#published].map(async ([key, published]) => {
        try {
          await this.#attend(key, published);
        } catch (error) {
          if (this.#published.has(key)) this.#tell(published, error);
        }
      }),
    );
  }

  async #attend(key: string, {request, volume}: Published): Promise<void> {
    const {objects, serial, expander} = this.#parts;
    const object = await objects.get(volume.driver);
    const current = {...request, signal: undefined};
    if (object?.spec.requiresRepublish === true) await this.#bring(current, volume, true);
    if (await expander.hasGrown(request, volume.uniqueName))
      await serial.run(volume.uniqueName, async () => {
        if (!this.#published.has(key)) return;
        const driver = await this.#ask(volume.driver, undefined);
        await expander.expand(this.#parts.grower(driver, current, volume), current, 'online');
      });
  }

  #tell({request, volume}: Published, error: unknown): void {
    const message = describeError(error);
    this.#parts.log.warn('a volume could not be looked after', {volume: volume.specName, error: message});
    const reason = error instanceof Error && 'reason' in error ? String(error.reason) : 'FailedMount';
    const step = error instanceof Error && 'step' in error ? `${String(error.step)} ` : '';
    const text = `${step}for volume "${volume.specName}" : ${message}`;
    request.context.tell?.(request.pod, 'Warning', reason, text);
  }

  /** The place comes first: it is what a volume that was only wanted is found by when its pod goes. */
  async #want(request: VolumeRequest, volume: CsiVolume): Promise<void> {
    const {inventory, onInUse} = this.#parts;
    const place = placeOf(request);
    if (volume.block) {
      await ensureDirectory(dirname(request.directory), 0o750);
      await linkAtomic(request.directory, targetPath(place));
    } else await ensureDirectory(request.directory, 0o750);
    this.#wanted.set(keyOf(place), volume.uniqueName);
    if (volume.lifecycle === 'Persistent' && inventory.use(volume.uniqueName, volume.driver, place.uid))
      onInUse();
  }

  async #bring(request: VolumeRequest, wanted: CsiVolume, again: boolean): Promise<PreparedVolume> {
    const {objects, attachments, serial, awaited, waits} = this.#parts;
    const {signal} = request;
    await awaited(wanted.driver);
    const object = await objects.get(wanted.driver);
    const volume = await inStep('publish', wanted.block, signal, async () => {
      checkLifecycle(wanted, object);
      return labelled(wanted, await labelFor(request, wanted, object));
    });
    const attaches = volume.lifecycle === 'Persistent' && attachRequired(object);
    if (attaches) await waits.forAttachment(request, volume);
    const publishContext = attaches ? await attachments.require(volume, signal) : {};
    return serial.run(volume.uniqueName, async () => {
      signal?.throwIfAborted();
      if (again && !this.#published.has(keyOf(placeOf(request)))) throw new Error('its pod has gone');
      const stagingPath = await this.#stage(request, volume, publishContext);
      return inStep('publish', volume.block, signal, async () => {
        const driver = await this.#ask(volume.driver, signal, 'mounter.SetUpAt failed to get CSI client');
        const wish = {request, volume, object, stagingPath, publishContext, again};
        const prepared = await this.#parts.publisher.publish(driver, wish);
        const {expander, grower} = this.#parts;
        if (!again) await expander.expand(grower(driver, request, volume), request, 'mount');
        return prepared;
      });
    });
  }

  #stage(
    {pod, signal}: VolumeRequest,
    volume: CsiVolume,
    publishContext: Readonly<Record<string, string>>,
  ): Promise<string> {
    if (volume.lifecycle === 'Ephemeral') return Promise.resolve('');
    const fsGroup = pod.spec.securityContext?.fsGroup;
    return inStep('stage', volume.block, signal, async () => {
      const missing = 'attacher.MountDevice failed to create newCsiDriverClient';
      const driver = await this.#ask(volume.driver, signal, missing);
      return this.#parts.stager.ensure(driver, {volume, publishContext, fsGroup, signal});
    });
  }

  async #ask(name: string, signal: AbortSignal | undefined, missing = 'no driver'): Promise<AskedDriver> {
    const {drivers} = this.#parts;
    if (!drivers.has(name)) throw new Error(`kubernetes.io/csi: ${missing}: ${drivers.missing(name)}`);
    return {node: drivers.get(name), capabilities: await drivers.capabilities(name, signal)};
  }
}

async function labelFor(
  {pod, volume: {name}}: VolumeRequest,
  {accessModes, block}: CsiVolume,
  driver: CsiDriver | undefined,
): Promise<string | undefined> {
  const wish = {pod, volume: name, accessModes, driver};
  if (block || !mayHaveLabel(wish)) return undefined;
  const containerFile = await containerFileLabel();
  return containerFile === undefined ? undefined : mountLabel(wish, containerFile);
}

function keyOf({uid, mode, specName}: VolumePlace): string {
  return `${uid}/${mode}/${specName}`;
}

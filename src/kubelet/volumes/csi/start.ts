import {isDeepStrictEqual} from 'node:util';
import type {KubeletConfig} from '../../../config/kubelet.ts';
import type {KubeClient} from '../../../edges/kube/client.ts';
import type {EventRecorder} from '../../../edges/kube/events.ts';
import {Serial} from '../../../lib/control/serial.ts';
import {describeError} from '../../../lib/errors.ts';
import type {Node} from '../../../lib/kubernetes.ts';
import type {Logger} from '../../../lib/log.ts';
import type {Clock} from '../../../lib/time.ts';
import {type Periodic, startPeriodic} from '../../periodic.ts';
import type {PluginHandler} from '../../plugins/types.ts';
import type {Telemetry} from '../../stats/metrics/telemetry.ts';
import {Expander} from '../growth/expander.ts';
import type {VolumePlugin} from '../types.ts';
import {StageCollector} from './collector.ts';
import {type DriverObjects, watchDriverObjects} from './driver/driver-objects.ts';
import {attachRequired} from './driver/driver-rules.ts';
import {Drivers} from './driver/drivers.ts';
import {Inventory} from './driver/inventory.ts';
import {LimitUpdates, updatePeriodMs} from './node/limit-updates.ts';
import {NodeInfo} from './node/node-info.ts';
import {CsiPlugin} from './plugin.ts';
import {Attachments, isResourceExhausted} from './volume/attachments.ts';
import {csiGrower} from './volume/grower.ts';
import {stagedOnDisk, usersOnDisk} from './volume/on-disk.ts';
import {Publisher} from './volume/publisher.ts';
import type {CsiVolume} from './volume/source.ts';
import {Stager} from './volume/stager.ts';
import {Waits} from './volume/waits.ts';

export type CsiOptions = {
  readonly client: KubeClient;
  readonly config: KubeletConfig;
  readonly nodeName: string;
  /** Our Node as last known. */
  readonly node: () => Node | undefined;
  readonly recorder: EventRecorder;
  readonly clock: Clock;
  readonly log: Logger;
  /** The Node's status has to be written: what is in use, or why the node is not ready, has changed. */
  readonly onStatus: () => void;
  /** What a pod's volumes waited for may be there. */
  readonly retry: (uid: string) => void;
  readonly telemetry?: Pick<Telemetry, 'volumes'>;
};

export type Csi = {
  readonly plugin: VolumePlugin;
  readonly handler: PluginHandler;
  /** status.volumesInUse. */
  volumesInUse(): readonly string[];
  /** Why the node must not be Ready yet. */
  problems(): readonly string[];
  nodeChanged(node: Node | undefined): void;
  /** Every driver that was there at the start has been asked: nobody waits for more. */
  settled(): void;
  stop(): Promise<void>;
};

/** At the start volumes wait so long for drivers that are about to register. */
const awaitMs = 10_000;

/** CSI on this node: drivers, their volumes, and what the API is told of both. What is on the disk is known then. */
export async function startCsi(options: CsiOptions): Promise<Csi> {
  const csi = new CsiNodeSide(options);
  await csi.inherit();
  return csi.start();
}

class CsiNodeSide {
  readonly #options: CsiOptions;
  readonly #stopping = new AbortController();
  readonly #settled = Promise.withResolvers<void>();
  readonly #serial = new Serial();
  readonly #inventory = new Inventory();
  readonly #nodeInfo: NodeInfo;
  readonly #drivers: Drivers;
  readonly #attachments: Attachments;
  readonly #waits: Waits;
  readonly #limits: LimitUpdates;
  readonly #objects: DriverObjects;
  readonly #stager: Stager;
  readonly #collector: StageCollector;
  readonly #plugin: CsiPlugin;
  #lastStatus: unknown;
  #nodeUid: string | undefined;

  constructor(options: CsiOptions) {
    const {client, config, nodeName, node, clock, log, recorder, onStatus, retry} = options;
    const {rootDir} = config;
    this.#options = options;
    this.#nodeInfo = new NodeInfo({client, nodeName, log});
    this.#drivers = new Drivers({
      nodeInfo: this.#nodeInfo,
      log,
      onCall: (done) => options.telemetry?.volumes.csiCall(done),
      onChange: (name) => this.#driverChanged(name),
    });
    this.#attachments = new Attachments({
      client,
      nodeName,
      node,
      controllerAttaches: config.enableControllerAttachDetach,
      onInUse: onStatus,
    });
    const common = {clock, log, drivers: this.#drivers, inventory: this.#inventory, serial: this.#serial};
    this.#waits = new Waits({
      clock,
      attachments: this.#attachments,
      retry,
      isExhausted: (volume) => this.#isExhausted(volume),
    });
    this.#limits = new LimitUpdates({...common, objects: () => this.#objects, nodeInfo: this.#nodeInfo});
    this.#objects = watchDriverObjects({client, clock, log, onChange: (name) => this.#limits.sync(name)});
    this.#stager = new Stager({client, rootDir, nodeName, inventory: this.#inventory});
    this.#collector = new StageCollector({...common, rootDir, stager: this.#stager, onGone: onStatus});
    this.#plugin = new CsiPlugin({
      ...common,
      objects: this.#objects,
      attachments: this.#attachments,
      stager: this.#stager,
      publisher: new Publisher(client, nodeName),
      expander: new Expander({client, recorder, clock, log, nodeName}),
      grower: (driver, request, volume) => csiGrower(client, driver, request, volume),
      waits: this.#waits,
      awaited: (name) => this.#awaited(name),
      onInUse: onStatus,
      collect: () => this.#collector.collect(),
    });
  }

  async inherit(): Promise<void> {
    const {rootDir} = this.#options.config;
    const [staged, users] = await Promise.all([stagedOnDisk(rootDir), usersOnDisk(rootDir)]);
    this.#stager.inherit(staged);
    this.#inventory.inherit(
      staged,
      users.filter(({lifecycle}) => lifecycle === 'Persistent'),
    );
  }

  start(): Csi {
    const {clock, config, onStatus} = this.#options;
    const initialized = this.#nodeInfo.initialize(this.#stopping.signal, onStatus);
    // Kubernetes' kubelet syncs its pods that often, and with them what is published again, or has grown.
    const everyMs = config.syncFrequency;
    const attending = startPeriodic({clock, firstMs: everyMs, everyMs}, () => this.#plugin.attend());
    clock.after(awaitMs, () => this.#settled.resolve());
    void this.#settled.promise.then(() => this.#collect());
    return {
      plugin: this.#plugin,
      handler: this.#drivers,
      volumesInUse: () => this.#inventory.inUse((driver) => this.#attaches(driver)),
      problems: () => [this.#nodeInfo.problem()].filter((problem) => problem !== undefined),
      nodeChanged: (node) => this.#nodeChanged(node),
      settled: () => this.#settled.resolve(),
      stop: () => this.#stop([initialized], attending),
    };
  }

  async #stop(running: readonly Promise<void>[], attending: Periodic): Promise<void> {
    this.#stopping.abort(new Error('stopping'));
    this.#settled.resolve();
    this.#limits.stop();
    // What drivers are asked for now is asked again by the next kubelet.
    this.#drivers.close();
    await Promise.all([...running, attending.stop(), this.#collector.stop(), this.#objects.stop()]);
  }

  /** While nothing is known of a driver, its volumes count as in use: too much said does no harm. */
  #attaches(driver: string): boolean {
    const object = this.#objects.peek(driver);
    return object === 'unknown' || attachRequired(object);
  }

  async #awaited(name: string): Promise<void> {
    if (!this.#drivers.has(name)) await this.#settled.promise;
  }

  #driverChanged(name: string): void {
    this.#limits.sync(name);
    if (!this.#drivers.has(name)) return;
    this.#waits.driverCame(name);
    void this.#collect(name);
  }

  async #collect(came?: string): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    try {
      await this.#collector.collect(came);
    } catch (error) {
      const {log} = this.#options;
      log.warn('staged volumes could not be looked for', {error: describeError(error)});
    }
  }

  #nodeChanged(node: Node | undefined): void {
    if (node !== undefined) this.#nodeIs(node.metadata.uid);
    const {volumesInUse = [], volumesAttached = []} = node?.status ?? {};
    const status = [volumesInUse, volumesAttached];
    if (isDeepStrictEqual(status, this.#lastStatus)) return;
    this.#lastStatus = status;
    this.#waits.nodeChanged(volumesInUse);
  }

  /** With a Node that was deleted its CSINode goes, too: for the next one both are told everything anew. */
  #nodeIs(uid: string): void {
    if (uid === this.#nodeUid) return;
    const isNew = this.#nodeUid !== undefined;
    this.#nodeUid = uid;
    this.#nodeInfo.registered();
    if (isNew) void this.#announce();
  }

  async #announce(): Promise<void> {
    const {signal} = this.#stopping;
    const {log, onStatus} = this.#options;
    try {
      await this.#nodeInfo.initialize(signal, onStatus);
      await this.#drivers.announce(signal);
    } catch (error) {
      if (!signal.aborted) log.warn('CSI drivers could not be announced', {error: describeError(error)});
    }
  }

  /**
   * Whether the node has no room left, as the driver's controller says, and the scheduler did not know
   * (VerifyExhaustedResource): it is told then. Only for drivers whose limits may change.
   */
  async #isExhausted(volume: CsiVolume): Promise<boolean> {
    const object = this.#objects.peek(volume.driver);
    if (object === 'unknown' || updatePeriodMs(object) === 0) return false;
    try {
      if (!isResourceExhausted(await this.#attachments.find(volume))) return false;
    } catch (error) {
      const {log} = this.#options;
      log.warn('a volume attachment could not be read', {
        volume: volume.specName,
        error: describeError(error),
      });
      return false;
    }
    await this.#limits.update(volume.driver);
    return true;
  }
}

import {posix} from 'node:path';
import {rpcMessage} from '../../edges/csi/client.ts';
import type {PluginDevice} from '../../edges/devices/client.ts';
import {serveRegistration} from '../../edges/devices/registration.ts';
import {makeDirectory, readText, removeFile, writeAtomic} from '../../edges/files/files.ts';
import type {GrpcServer} from '../../edges/http/grpc-server.ts';
import {listSockets} from '../../edges/network/sockets.ts';
import {Serial} from '../../lib/control/serial.ts';
import {describeError} from '../../lib/errors.ts';
import type {Container, ContainerStatus, Pod} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import {quantityValue} from '../../lib/quantity.ts';
import type {Clock} from '../../lib/time.ts';
import type {InUse, PodDraft, ResourceProvider} from '../managers/types.ts';
import type {DeviceCounts} from '../node/resources.ts';
import type {AnnouncedPlugin, PluginHandler} from '../plugins/types.ts';
import type {NodeMetrics} from '../stats/metrics/node-metrics.ts';
import {checkpointName, readCheckpoint, writeCheckpoint} from './checkpoint.ts';
import {DeviceDraft} from './draft.ts';
import {additionsOf, type DeviceAdditions} from './grants.ts';
import {Ledger} from './ledger.ts';
import {isExtendedResource} from './names.ts';
import {DevicePlugins} from './plugins.ts';
import {type DeviceUse, idsOf} from './types.ts';

export type DeviceManagerOptions = {
  /** The kubelet's root; plugins look for `device-plugins/kubelet.sock` in it. */
  readonly rootDir: string;
  readonly numaNodes: readonly number[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly inUse: InUse;
  /** The Node's capacity has changed. */
  readonly onStatus: () => void;
  /** Devices of these pods have come, gone, or changed their health. */
  readonly onPods: (uids: readonly string[]) => void;
  readonly telemetry?: {readonly node: Pick<NodeMetrics, 'pluginRegistered' | 'allocated'>};
};

type AllocatedStatus = NonNullable<ContainerStatus['allocatedResourcesStatus']>;

const version = 'v1beta1';

/** The devices of this node, and which container has which (pkg/kubelet/cm/devicemanager). */
export class DeviceManager implements ResourceProvider {
  readonly #options: DeviceManagerOptions;
  readonly #plugins: DevicePlugins;
  readonly #writes = new Serial();
  readonly #stopping = new AbortController();
  #ledger = new Ledger();
  #server: GrpcServer | undefined;
  /** No earlier kubelet has left word of devices. */
  #isFresh = false;

  private constructor(options: DeviceManagerOptions) {
    this.#options = options;
    this.#plugins = new DevicePlugins({
      ...options,
      onChange: (resource, before) => this.#changed(resource, before),
    });
  }

  /** Takes over what an earlier kubelet gave away, and waits for plugins: they see the new socket and register. */
  static async start(options: DeviceManagerOptions): Promise<DeviceManager> {
    const manager = new DeviceManager(options);
    const directory = manager.#directory;
    await makeDirectory(directory, 0o750);
    await manager.#restore();
    // Sockets of plugins that have to register again; those that do not would never answer.
    for (const path of (await listSockets(directory)).keys())
      if (posix.dirname(path) === directory) await removeFile(path);
    manager.#server = await serveRegistration(`${directory}/kubelet.sock`, async (plugin) => {
      manager.#check(plugin.resourceName, [plugin.version]);
      options.telemetry?.node.pluginRegistered(plugin.resourceName);
      await manager.#connect(plugin.resourceName, `${directory}/${plugin.endpoint}`);
    });
    return manager;
  }

  /** For plugins that are found in `plugins_registry`. */
  readonly handler: PluginHandler = {
    validate: ({name, supportedVersions}: AnnouncedPlugin) => this.#check(name, supportedVersions),
    register: ({name, endpoint}) => this.#connect(name, endpoint),
    deregister: async ({name}) => this.#plugins.disconnect(name),
  };

  draft(pod: Pod): PodDraft {
    return new DeviceDraft({
      pod,
      plugins: this.#plugins,
      ledger: this.#current(),
      numaNodes: this.#options.numaNodes,
      clock: this.#options.clock,
      onGranted: (resource, seconds) => this.#options.telemetry?.node.allocated(resource, seconds),
      commit: (ledger) => {
        this.#ledger = ledger;
        return this.#write();
      },
    });
  }

  counts(): DeviceCounts {
    return {...this.#plugins.counts(), fresh: this.#isFresh};
  }

  /** Device resources that the container asks for and was given nothing of yet. */
  isMissing({metadata}: Pod, {name, resources}: Container): boolean {
    return Object.entries(resources?.limits ?? {}).some(
      ([resource, amount]) =>
        this.#plugins.knows(resource) &&
        quantityValue(amount) > 0 &&
        this.#ledger.find(metadata.uid, name, resource) === undefined,
    );
  }

  /**
   * A resource that the container was given, and whose plugin has not come since this kubelet began: after a reboot
   * devices are not what they were before their plugin has looked at them.
   */
  awaited(uid: string, container: string): string | undefined {
    return this.#ledger.of(uid, container).find(({resource}) => this.#plugins.isAwaited(resource))?.resource;
  }

  /** What the container's devices add to it; their plugins make them ready. @throws when they cannot */
  async additions({metadata}: Pod, {name}: Container): Promise<DeviceAdditions> {
    const uses = this.#ledger.of(metadata.uid, name);
    for (const use of uses) await this.#makeReady(use);
    return additionsOf(uses.map(({grant}) => grant));
  }

  /** status.containerStatuses[].allocatedResourcesStatus. */
  status(uid: string, container: string): AllocatedStatus {
    const uses = this.#ledger.of(uid, container);
    return uses
      .map((use) => ({
        name: use.resource,
        resources: [...idsOf(use)].sort().map((resourceID) => ({
          resourceID,
          health:
            this.#plugins.devices(use.resource).get(resourceID)?.healthy === false ? 'Unhealthy' : 'Healthy',
        })),
      }))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  holds(uid: string): boolean {
    return this.#current().of(uid).length > 0;
  }

  usesOf(uid: string, container: string): readonly DeviceUse[] {
    return this.#current().of(uid, container);
  }

  /** All devices that can be given away, whoever has them. */
  allocatable(): ReadonlyMap<string, readonly PluginDevice[]> {
    return new Map(
      this.#plugins.resources().map((resource) => {
        const healthy = this.#plugins.healthy(resource);
        const devices = [...this.#plugins.devices(resource).values()];
        return [resource, devices.filter(({id}) => healthy.has(id))] as const;
      }),
    );
  }

  async stop(): Promise<void> {
    this.#stopping.abort(new Error('stopping'));
    this.#plugins.stop();
    await this.#server?.close();
    await this.#writes.run('checkpoint', async () => undefined);
  }

  get #directory(): string {
    return `${this.#options.rootDir}/device-plugins`;
  }

  /** Without what pods had that are over. */
  #current(): Ledger {
    const uids = this.#options.inUse();
    if (uids !== undefined) this.#ledger = this.#ledger.keep(uids);
    return this.#ledger;
  }

  #check(resource: string, versions: readonly string[]): void {
    if (!versions.includes(version))
      throw new Error(
        `requested API version "${versions.join(',')}" is not supported by kubelet. Supported version is "${version}"`,
      );
    if (!isExtendedResource(resource)) throw new Error(`the ResourceName "${resource}" is invalid`);
  }

  async #connect(resource: string, socket: string): Promise<void> {
    try {
      await this.#plugins.connect(resource, socket, this.#stopping.signal);
    } catch (error) {
      throw new Error(`failed to get device plugin options: ${rpcMessage(error)}`);
    }
  }

  async #makeReady({resource, ...use}: DeviceUse): Promise<void> {
    if (this.#plugins.options(resource)?.preStartRequired !== true) return;
    try {
      await this.#plugins.client(resource).client.preStart([...idsOf(use)]);
    } catch (error) {
      throw new Error(`device plugin PreStartContainer rpc failed with err: ${rpcMessage(error)}`);
    }
  }

  #changed(resource: string, before: ReadonlyMap<string, PluginDevice>): void {
    const now = this.#plugins.devices(resource);
    const changed = new Set(
      [...now.values()].filter(({id, healthy}) => before.get(id)?.healthy !== healthy).map(({id}) => id),
    );
    if (changed.size > 0) this.#options.onPods(this.#ledger.usersOf(resource, changed));
    this.#options.onStatus();
    if (!this.#stopping.signal.aborted) void this.#write();
  }

  async #restore(): Promise<void> {
    const path = `${this.#directory}/${checkpointName}`;
    const text = await readText(path);
    if (text === undefined) {
      this.#isFresh = true;
      return this.#write();
    }
    try {
      const {uses, resources} = readCheckpoint(text);
      this.#ledger = new Ledger(uses);
      for (const resource of resources) this.#plugins.remember(resource);
    } catch (error) {
      this.#options.log.error('which container has which device is not known any more', {
        path,
        error: describeError(error),
      });
    }
  }

  async #write(): Promise<void> {
    const {log} = this.#options;
    const path = `${this.#directory}/${checkpointName}`;
    try {
      await this.#writes.run('checkpoint', () => {
        const registered = this.#plugins
          .resources()
          .map((name) => [name, [...this.#plugins.healthy(name)]] as const);
        return writeAtomic(path, writeCheckpoint(this.#ledger, Object.fromEntries(registered)));
      });
    } catch (error) {
      log.error('the devices that were given away could not be written down', {
        path,
        error: describeError(error),
      });
    }
  }
}

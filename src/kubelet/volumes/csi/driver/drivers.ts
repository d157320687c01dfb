import {type CsiConnection, type CsiNodeService, connectCsi} from '../../../../edges/csi/client.ts';
import type {Logger} from '../../../../lib/log.ts';
import type {AnnouncedPlugin, PluginHandler} from '../../../plugins/types.ts';
import type {CsiCallDone} from '../../../stats/metrics/pods/volume-metrics.ts';
import type {DriverNode} from '../node/csi-node.ts';
import type {NodeInfo} from '../node/node-info.ts';
import {type Capabilities, capabilitiesOf} from './capability.ts';
import {compare, highestSupported, type Version} from './version.ts';

type Driver = {
  readonly version: Version;
  readonly endpoint: string;
  readonly connection: CsiConnection;
};

export type DriversOptions = {
  readonly nodeInfo: NodeInfo;
  readonly log: Logger;
  readonly onCall: (done: CsiCallDone) => void;
  /** A driver can be used from now on, or no longer. */
  readonly onChange: (name: string) => void;
};

/** The CSI drivers that are registered on this node. */
export class Drivers implements PluginHandler {
  readonly #options: DriversOptions;
  readonly #drivers = new Map<string, Driver>();
  readonly #connections = new Set<CsiConnection>();

  constructor(options: DriversOptions) {
    this.#options = options;
  }

  has(name: string): boolean {
    return this.#drivers.has(name);
  }

  missing(name: string): string {
    return `driver name ${name} not found in the list of registered CSI drivers`;
  }

  /** @throws when no such driver is registered */
  get(name: string): CsiNodeService {
    const driver = this.#drivers.get(name);
    if (driver === undefined) throw new Error(this.missing(name));
    return driver.connection.node;
  }

  /** Asked anew each time: a driver that was replaced behind its socket may have learnt something. */
  async capabilities(name: string, signal: AbortSignal | undefined): Promise<Capabilities> {
    return capabilitiesOf(await this.get(name).nodeGetCapabilities({}, callOptions(signal)));
  }

  async nodeInfo(name: string, signal: AbortSignal | undefined): Promise<DriverNode> {
    const answer = await this.get(name).nodeGetInfo({}, callOptions(signal));
    return {
      name,
      nodeId: answer.nodeId,
      maxVolumes: Number(answer.maxVolumesPerNode),
      topology: answer.accessibleTopology?.segments ?? {},
    };
  }

  validate(plugin: AnnouncedPlugin): void {
    this.#acceptable(plugin);
  }

  async register(plugin: AnnouncedPlugin, signal: AbortSignal): Promise<void> {
    const {name, endpoint} = plugin;
    const version = this.#acceptable(plugin);
    const {onCall} = this.#options;
    const connection = connectCsi(endpoint, (method, code, seconds) =>
      onCall({driver: name, method, code, seconds}),
    );
    this.#connections.add(connection);
    this.#drivers.set(name, {version, endpoint, connection});
    try {
      await this.#options.nodeInfo.install(await this.nodeInfo(name, signal), signal);
    } catch (error) {
      this.#drop(name);
      throw error;
    }
    this.#options.onChange(name);
  }

  /** Says anew what every driver says of this node. @throws when that failed for one of them */
  async announce(signal: AbortSignal): Promise<void> {
    for (const name of this.#drivers.keys())
      await this.#options.nodeInfo.install(await this.nodeInfo(name, signal), signal);
  }

  async deregister({name, endpoint}: AnnouncedPlugin): Promise<void> {
    // Another socket may serve the same driver by now.
    if (this.#drivers.has(name) && this.#drivers.get(name)?.endpoint !== endpoint) return;
    this.#drop(name);
    await this.#options.nodeInfo.uninstall(name);
    this.#options.onChange(name);
  }

  close(): void {
    this.#drivers.clear();
    for (const connection of this.#connections) connection.close();
  }

  /** Its connection stays: what the driver was asked for before it left may still be answered. */
  #drop(name: string): void {
    this.#drivers.delete(name);
  }

  #acceptable({name, supportedVersions}: AnnouncedPlugin): Version {
    if (supportedVersions.length === 0)
      throw new Error(`CSI driver "${name}" returned an empty list for supported versions`);
    const version = highestSupported(supportedVersions);
    const known = this.#drivers.get(name);
    if (known !== undefined && compare(known.version, version) >= 0)
      throw new Error(
        `another CSI driver with the name "${name}" is already registered with a higher supported version: "${known.version.join('.')}"`,
      );
    return version;
  }
}

function callOptions(signal: AbortSignal | undefined) {
  return signal === undefined ? {} : {signal};
}

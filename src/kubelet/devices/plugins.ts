import {
  connectDevicePlugin,
  type DevicePluginClient,
  type PluginDevice,
  type PluginOptions,
} from '../../edges/devices/client.ts';
import {describeError} from '../../lib/errors.ts';
import type {Logger} from '../../lib/log.ts';
import type {Clock} from '../../lib/time.ts';
import type {DeviceCounts} from '../node/resources.ts';

export type PluginsOptions = {
  readonly clock: Clock;
  readonly log: Logger;
  /** Devices, their health, or a whole plugin have come or gone. */
  readonly onChange: (resource: string, before: ReadonlyMap<string, PluginDevice>) => void;
};

type Connection = {
  readonly client: DevicePluginClient;
  readonly options: PluginOptions;
  readonly stop: AbortController;
};

type Known = {
  readonly connection: Connection | undefined;
  /** As the plugin told them last, also after it has gone. */
  readonly devices: ReadonlyMap<string, PluginDevice>;
  /** The plugin has told its devices, and is still there. */
  readonly live: boolean;
  /** Monotonic; since when there is no plugin. */
  readonly goneAtMs: number | undefined;
};

/** A plugin that does not come back in this time takes its resource with it (devicemanager, endpointStopGracePeriod). */
export const graceMs = 5 * 60_000;

/** The device plugins of this node, one for each resource. */
export class DevicePlugins {
  readonly #options: PluginsOptions;
  readonly #known = new Map<string, Known>();
  readonly #gone = new Set<string>();

  constructor(options: PluginsOptions) {
    this.#options = options;
  }

  /** A resource that an earlier kubelet knew: there are none of it until its plugin registers again. */
  remember(resource: string): void {
    const goneAtMs = this.#options.clock.monotonic();
    this.#known.set(resource, {connection: undefined, devices: new Map(), live: false, goneAtMs});
    this.#options.clock.after(graceMs, () => this.#options.onChange(resource, new Map()));
  }

  /** @throws when the plugin does not answer */
  async connect(resource: string, socket: string, signal: AbortSignal): Promise<void> {
    const client = connectDevicePlugin(socket);
    let options: PluginOptions;
    try {
      options = await client.options(signal);
    } catch (error) {
      client.close();
      throw error;
    }
    const before = this.#known.get(resource);
    this.#end(before?.connection);
    const connection = {client, options, stop: new AbortController()};
    this.#gone.delete(resource);
    this.#known.set(resource, {
      connection,
      devices: before?.devices ?? new Map(),
      live: before?.live ?? false,
      goneAtMs: undefined,
    });
    this.#options.log.info('a device plugin was registered', {resource});
    void this.#watch(resource, connection);
  }

  disconnect(resource: string): void {
    const {connection} = this.#known.get(resource) ?? {};
    if (connection !== undefined) this.#lost(resource, connection);
  }

  /** Whether a plugin has ever spoken for the resource, here or to an earlier kubelet. */
  knows(resource: string): boolean {
    return this.#known.has(resource);
  }

  /** Of the plugin's devices, those that can be given away. */
  healthy(resource: string): ReadonlySet<string> {
    const {live, devices} = this.#known.get(resource) ?? {
      live: false,
      devices: new Map<string, PluginDevice>(),
    };
    if (!live) return new Set();
    return new Set([...devices.values()].filter((device) => device.healthy).map(({id}) => id));
  }

  devices(resource: string): ReadonlyMap<string, PluginDevice> {
    return this.#known.get(resource)?.devices ?? new Map();
  }

  resources(): string[] {
    return [...this.#known.keys()];
  }

  /** No plugin for it has come since this kubelet began. */
  isAwaited(resource: string): boolean {
    const known = this.#known.get(resource);
    return known !== undefined && known.connection === undefined && known.devices.size === 0;
  }

  /** @throws when the plugin is not there */
  client(resource: string): {readonly client: DevicePluginClient; readonly options: PluginOptions} {
    const {connection} = this.#known.get(resource) ?? {};
    if (connection === undefined) throw new Error(`endpoint of ${resource} has been stopped`);
    return connection;
  }

  options(resource: string): PluginOptions | undefined {
    return this.#known.get(resource)?.connection?.options;
  }

  /** What the Node tells; resources whose plugins are gone for good are told as none. */
  counts(): DeviceCounts {
    const {clock} = this.#options;
    for (const [resource, {goneAtMs}] of this.#known)
      if (goneAtMs !== undefined && clock.monotonic() - goneAtMs >= graceMs) {
        this.#known.delete(resource);
        this.#gone.add(resource);
      }
    const none = [...this.#gone].map((resource) => [resource, 0] as const);
    return {
      capacity: Object.fromEntries([
        ...none,
        ...[...this.#known].map(([name, {devices}]) => [name, devices.size]),
      ]),
      allocatable: Object.fromEntries([
        ...none,
        ...this.resources().map((name) => [name, this.healthy(name).size]),
      ]),
    };
  }

  stop(): void {
    for (const {connection} of this.#known.values()) this.#end(connection);
  }

  async #watch(resource: string, connection: Connection): Promise<void> {
    const {log} = this.#options;
    try {
      for await (const list of connection.client.watch(connection.stop.signal)) {
        const known = this.#known.get(resource);
        if (known?.connection !== connection) return;
        const devices = new Map(list.map((device) => [device.id, device]));
        this.#known.set(resource, {...known, devices, live: true});
        this.#options.onChange(resource, known.devices);
      }
    } catch (error) {
      if (!connection.stop.signal.aborted)
        log.info('a device plugin has gone', {resource, error: describeError(error)});
    }
    this.#lost(resource, connection);
  }

  #lost(resource: string, connection: Connection): void {
    const known = this.#known.get(resource);
    this.#end(connection);
    if (known?.connection !== connection) return;
    const {clock, onChange} = this.#options;
    this.#known.set(resource, {
      ...known,
      connection: undefined,
      live: false,
      goneAtMs: clock.monotonic(),
    });
    clock.after(graceMs, () => onChange(resource, known.devices));
    onChange(resource, known.devices);
  }

  #end(connection: Connection | undefined): void {
    connection?.stop.abort();
    connection?.client.close();
  }
}

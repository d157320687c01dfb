import {
  connectDraPlugin,
  type DeviceHealth,
  type DraClient,
  type DraService,
  draServices,
} from '../../edges/dra/client.ts';
import {describeError} from '../../lib/errors.ts';
import type {Logger} from '../../lib/log.ts';
import type {Clock} from '../../lib/time.ts';
import {type Periodic, startPeriodic} from '../periodic.ts';
import type {AnnouncedPlugin, PluginHandler} from '../plugins/types.ts';

export type DriversOptions = {
  readonly clock: Clock;
  readonly log: Logger;
  /** Undefined: the driver tells nothing any more. */
  readonly onHealth: (driver: string, devices: readonly DeviceHealth[] | undefined) => void;
  readonly onCall: (driver: string, method: string, code: string, seconds: number) => void;
  readonly onRegistered: () => void;
  readonly onGone: (driver: string) => void;
  readonly onBack: (driver: string) => void;
};

/** One socket of a driver: while a driver is upgraded there may be two. */
type Instance = {
  readonly endpoint: string;
  readonly client: DraClient;
  readonly stopping: AbortController;
  readonly health: Periodic;
  isServed: boolean;
};

/** Between tries to hear of devices' health, and looks whether a driver is served. */
const everyMs = 5_000;

/** The DRA drivers of this node, by their registrations (pkg/kubelet/cm/dra/plugin). */
export class DraDrivers {
  readonly #options: DriversOptions;
  readonly #instances = new Map<string, Instance[]>();
  readonly #looks: Periodic;

  constructor(options: DriversOptions) {
    this.#options = options;
    this.#looks = startPeriodic({clock: options.clock, firstMs: everyMs, everyMs}, () => this.#look());
  }

  readonly handler: PluginHandler = {
    validate: (plugin) => void serviceOf(plugin),
    register: async (plugin) => this.#add(plugin),
    deregister: async ({name, endpoint}) => this.#remove(name, endpoint),
  };

  /** The newest that is served; the newest where none is: it may be about to be. @throws where there is none */
  get(driver: string): DraClient {
    const all = this.#instances.get(driver) ?? [];
    const found = all.findLast(({isServed}) => isServed) ?? all.at(-1);
    if (found === undefined) throw new Error(`DRA driver ${driver} is not registered`);
    return found.client;
  }

  async stop(): Promise<void> {
    const all = [...this.#instances.values()].flat();
    for (const {stopping, client} of all) {
      stopping.abort(new Error('stopping'));
      client.close();
    }
    await Promise.all([this.#looks.stop(), ...all.map(({health}) => health.stop())]);
  }

  #add(plugin: AnnouncedPlugin): void {
    const {name, endpoint} = plugin;
    const others = this.#instances.get(name) ?? [];
    if (others.some((one) => one.endpoint === endpoint))
      throw new Error(`endpoint ${endpoint} already registered for DRA driver plugin ${name}`);
    const client = connectDraPlugin(endpoint, serviceOf(plugin), (...done) =>
      this.#options.onCall(name, ...done),
    );
    const stopping = new AbortController();
    const health = this.#listen(name, client, stopping.signal);
    this.#instances.set(name, [...others, {endpoint, client, stopping, health, isServed: true}]);
    this.#options.onBack(name);
    this.#options.onRegistered();
  }

  #remove(driver: string, endpoint: string): void {
    const all = this.#instances.get(driver) ?? [];
    const gone = all.find((one) => one.endpoint === endpoint);
    if (gone === undefined) return;
    gone.stopping.abort(new Error('the driver has gone'));
    gone.client.close();
    void gone.health.stop();
    const left = all.filter((one) => one !== gone);
    if (left.length === 0) this.#instances.delete(driver);
    else this.#instances.set(driver, left);
    this.#tell(driver);
  }

  /** Many drivers know nothing of health: they are asked again, as Kubernetes does. */
  #listen(driver: string, client: DraClient, signal: AbortSignal): Periodic {
    const {clock, log, onHealth} = this.#options;
    return startPeriodic({clock, firstMs: 0, everyMs}, async () => {
      if (signal.aborted) return;
      try {
        for await (const devices of client.watchHealth(signal)) onHealth(driver, devices);
      } catch (error) {
        log.debug('a DRA driver tells nothing of its devices', {driver, error: describeError(error)});
      }
      onHealth(driver, undefined);
    });
  }

  /** A driver that ended leaves its socket behind: nothing else would tell. */
  async #look(): Promise<void> {
    for (const [driver, all] of this.#instances) {
      for (const one of all) one.isServed = await one.client.isServed();
      // What was not heard of for long is not known any more.
      this.#options.onHealth(driver, []);
      this.#tell(driver);
    }
  }

  #tell(driver: string): void {
    const {onBack, onGone} = this.#options;
    const isUsable = (this.#instances.get(driver) ?? []).some(({isServed}) => isServed);
    if (isUsable) onBack(driver);
    else onGone(driver);
  }
}

/** @throws when the driver speaks nothing that we do */
function serviceOf({name, endpoint, supportedVersions}: AnnouncedPlugin): DraService {
  const found = supportedVersions
    .map((version) => draServices.find((service) => service === version))
    .find((service) => service !== undefined);
  if (found !== undefined) return found;
  const why =
    supportedVersions.length === 0
      ? 'empty list of supported gRPC services (aka supported versions)'
      : `none of services supported by the plugin (${JSON.stringify(supportedVersions)}) are supported by the kubelet (${JSON.stringify(draServices)})`;
  throw new Error(
    `invalid supported gRPC versions of DRA driver plugin ${name} at endpoint ${endpoint}: ${why}`,
  );
}

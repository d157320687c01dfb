import {watchDirectory} from '../../edges/files/watch-directory.ts';
import {listSockets, socketIdentity} from '../../edges/network/sockets.ts';
import {connectRegistration, type RegistrationClient} from '../../edges/plugin-registration/client.ts';
import {Queue} from '../../lib/control/queue.ts';
import {describeError} from '../../lib/errors.ts';
import type {Logger} from '../../lib/log.ts';
import type {Clock} from '../../lib/time.ts';
import {decideSocket, type SocketAct} from './decide.ts';
import type {AnnouncedPlugin, PluginHandlers} from './types.ts';

export type PluginManagerOptions = {
  /** `<root>/plugins_registry`. */
  readonly directory: string;
  readonly handlers: PluginHandlers;
  readonly clock: Clock;
  readonly log: Logger;
};

export type PluginManager = {
  /** Every socket that was there at the start has been tried once. */
  readonly settled: Promise<void>;
  sockets(): {readonly actual: readonly string[]; readonly desired: readonly string[]};
  /** Nothing is registered or deregistered any more. */
  stop(): Promise<void>;
};

/** Kubernetes looks once a second; here the kernel tells, except of what happens in sub-directories. */
const everyMs = 1_000;
/** pkg/util/goroutinemap/exponentialbackoff. */
const backoff = {firstMs: 500, maxMs: 122_000};
const concurrency = 16;

type Registered = {readonly identity: string; readonly plugin: AnnouncedPlugin};

/** Registers the plugins whose sockets are in a directory, and takes out of use those whose sockets have gone. */
export function startPluginManager(options: PluginManagerOptions): PluginManager {
  return new Manager(options).start();
}

class Manager {
  readonly #options: PluginManagerOptions;
  readonly #queue: Queue;
  /** By path, as last seen: a back-off is only cut short by something new. */
  #seen: ReadonlyMap<string, string> = new Map();
  readonly #registered = new Map<string, Registered>();
  #scanning: Promise<void> = Promise.resolve();

  constructor(options: PluginManagerOptions) {
    this.#options = options;
    this.#queue = new Queue({
      clock: options.clock,
      concurrency,
      backoff,
      work: (path, signal) => this.#reconcile(path, signal),
      onError: (path, error, retryInMs) =>
        options.log.warn('a plugin could not be registered', {path, retryInMs, error: describeError(error)}),
    });
  }

  start(): PluginManager {
    const {directory, clock} = this.#options;
    const scan = () => {
      this.#scanning = this.#scanning.then(() => this.#scan());
    };
    const unwatch = watchDirectory(directory, everyMs, clock, scan);
    return {
      settled: this.#scanning.then(() => this.#queue.idle()),
      sockets: () => ({actual: [...this.#registered.keys()], desired: [...this.#seen.keys()]}),
      stop: async () => {
        unwatch();
        await this.#scanning;
        await this.#queue.stop();
      },
    };
  }

  async #scan(): Promise<void> {
    const {directory, log} = this.#options;
    try {
      const found = await listSockets(directory);
      for (const path of new Set([...found.keys(), ...this.#seen.keys()]))
        if (found.get(path) !== this.#seen.get(path)) this.#queue.enqueue(path);
      this.#seen = found;
    } catch (error) {
      log.warn('the sockets of plugins could not be listed', {directory, error: describeError(error)});
    }
  }

  async #reconcile(path: string, signal: AbortSignal): Promise<undefined> {
    const found = await socketIdentity(path);
    const {acts} = decideSocket({found, registered: this.#registered.get(path)?.identity});
    for (const act of acts) await this.#apply(path, act, signal);
  }

  async #apply(path: string, act: SocketAct, signal: AbortSignal): Promise<void> {
    switch (act.do) {
      case 'deregister':
        return this.#deregister(path);
      case 'register':
        return this.#register(path, act.identity, signal);
      default:
        return act satisfies never;
    }
  }

  async #deregister(path: string): Promise<void> {
    const registered = this.#registered.get(path);
    if (registered === undefined) return;
    const {plugin} = registered;
    await this.#options.handlers.get(plugin.type)?.deregister(plugin);
    this.#registered.delete(path);
    this.#options.log.info('a plugin has gone', {type: plugin.type, name: plugin.name});
  }

  async #register(path: string, identity: string, signal: AbortSignal): Promise<void> {
    const client = connectRegistration(path);
    try {
      const info = await client.info(signal);
      const plugin = {...info, endpoint: info.endpoint === '' ? path : info.endpoint};
      await this.#take(plugin, client, signal);
      this.#registered.set(path, {identity, plugin});
      this.#options.log.info('a plugin was registered', {type: plugin.type, name: plugin.name});
    } finally {
      client.close();
    }
  }

  async #take(plugin: AnnouncedPlugin, client: RegistrationClient, signal: AbortSignal): Promise<void> {
    const handler = this.#options.handlers.get(plugin.type);
    try {
      if (handler === undefined) throw new Error(`no handler registered for plugin type: ${plugin.type}`);
      handler.validate(plugin);
      await handler.register(plugin, signal);
    } catch (error) {
      await client
        .notify(false, `RegisterPlugin error -- ${describeError(error)}`, signal)
        .catch(() => undefined);
      throw error;
    }
    try {
      await client.notify(true, '', signal);
    } catch (error) {
      await handler.deregister(plugin);
      throw error;
    }
  }
}

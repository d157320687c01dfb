import {Counter, Gauge, Histogram, type Registry} from 'prom-client';

const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** By the paths of their sockets: those that are in use, and those that are there. */
export type PluginSockets = {readonly actual: readonly string[]; readonly desired: readonly string[]};

/** Programs that credential providers are, and plugins that announce themselves. */
export class PluginMetrics {
  readonly #seconds: Histogram<'plugin_name'>;
  readonly #errors: Counter<'plugin_name'>;
  readonly #config: Gauge<'hash'>;
  #sockets: () => PluginSockets = () => ({actual: [], desired: []});

  constructor(registry: Registry) {
    const registers = [registry];
    this.#seconds = new Histogram({
      registers,
      name: 'kubelet_credential_provider_plugin_duration',
      help: 'Duration of execution in seconds for credential provider plugin',
      buckets,
      labelNames: ['plugin_name'],
    });
    this.#errors = new Counter({
      registers,
      name: 'kubelet_credential_provider_plugin_errors_total',
      help: 'Number of errors from credential provider plugin',
      labelNames: ['plugin_name'],
    });
    this.#config = new Gauge({
      registers,
      name: 'kubelet_credential_provider_config_info',
      help: 'Information about the last applied credential provider configuration with hash as label',
      labelNames: ['hash'],
    });
    const sockets = () => this.#sockets();
    new Gauge({
      registers,
      name: 'plugin_manager_total_plugins',
      help: 'Number of plugins in Plugin Manager',
      labelNames: ['socket_path', 'state'],
      collect() {
        this.reset();
        const {actual, desired} = sockets();
        for (const path of actual) this.set({socket_path: path, state: 'actual_state_of_world'}, 1);
        for (const path of desired) this.set({socket_path: path, state: 'desired_state_of_world'}, 1);
      },
    });
  }

  follow(sockets: () => PluginSockets): void {
    this.#sockets = sockets;
  }

  /** Whether all nodes have the same providers is seen by this. */
  credentialProviders(hash: string): void {
    this.#config.reset();
    this.#config.set({hash}, 1);
  }

  credentialProvider(name: string, seconds: number, failed: boolean): void {
    this.#seconds.observe({plugin_name: name}, seconds);
    if (failed) this.#errors.inc({plugin_name: name});
  }
}

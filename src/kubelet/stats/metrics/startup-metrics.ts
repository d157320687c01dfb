import {Gauge, type Registry} from 'prom-client';

const names = {
  preKubelet: ['pre_kubelet_duration_seconds', 'before kubelet starts'],
  preRegistration: ['pre_registration_duration_seconds', 'before registration'],
  registration: ['registration_duration_seconds', 'during registration'],
  postRegistration: ['post_registration_duration_seconds', 'after registration'],
  total: ['duration_seconds', 'in total'],
} as const;

/**
 * How long a new node takes from its machine's start to Ready. A Node that was there before this kubelet says nothing
 * of that, and all stays 0 (util/node_startup_latency_tracker.go). Instants are milliseconds of the wall clock.
 */
export class StartupMetrics {
  readonly #bootMs: number;
  readonly #startedMs: number;
  readonly #gauges: Readonly<Record<keyof typeof names, Gauge>>;
  #firstTryMs: number | undefined;
  #registeredMs: number | undefined;
  #isReady = false;

  constructor(registry: Registry, startedMs: number, bootMs: number) {
    this.#bootMs = bootMs;
    this.#startedMs = startedMs;
    const gauge = ([name, when]: readonly [string, string]) =>
      new Gauge({
        registers: [registry],
        name: `kubelet_node_startup_${name}`,
        help: `Duration in seconds of node startup ${when}.`,
      });
    this.#gauges = {
      preKubelet: gauge(names.preKubelet),
      preRegistration: gauge(names.preRegistration),
      registration: gauge(names.registration),
      postRegistration: gauge(names.postRegistration),
      total: gauge(names.total),
    };
  }

  registering(nowMs: number): void {
    this.#firstTryMs ??= nowMs;
  }

  /** The Node was made by us just now. */
  registered(nowMs: number): void {
    if (this.#firstTryMs === undefined || this.#registeredMs !== undefined) return;
    this.#registeredMs = nowMs;
    const {preKubelet, preRegistration, registration} = this.#gauges;
    preKubelet.set((this.#startedMs - this.#bootMs) / 1000);
    preRegistration.set((this.#firstTryMs - this.#startedMs) / 1000);
    registration.set((nowMs - this.#firstTryMs) / 1000);
  }

  ready(nowMs: number): void {
    if (this.#registeredMs === undefined || this.#isReady) return;
    this.#isReady = true;
    this.#gauges.postRegistration.set((nowMs - this.#registeredMs) / 1000);
    this.#gauges.total.set((nowMs - this.#bootMs) / 1000);
  }
}

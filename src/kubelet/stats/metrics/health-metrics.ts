import {Counter, Gauge, Registry} from 'prom-client';

type Check = () => string | undefined;

/** `/metrics/slis`: how the checks of /healthz went whenever somebody asked (component-base, prometheus/slis). */
export class HealthMetrics {
  readonly registry = new Registry();
  readonly #now = new Gauge({
    registers: [this.registry],
    name: 'kubernetes_healthcheck',
    help: '[STABLE] This metric records the result of a single healthcheck.',
    labelNames: ['name', 'type'],
  });
  readonly #total = new Counter({
    registers: [this.registry],
    name: 'kubernetes_healthchecks_total',
    help: '[STABLE] This metric records the results of all healthcheck.',
    labelNames: ['name', 'status', 'type'],
  });

  constructor() {
    processStart(this.registry);
  }

  /** The same check, counted. */
  counted(name: string, check: Check): Check {
    return () => {
      const problem = check();
      this.#now.set({name, type: 'healthz'}, problem === undefined ? 1 : 0);
      this.#total.inc({name, type: 'healthz', status: problem === undefined ? 'success' : 'error'});
      return problem;
    };
  }
}

/** Kubernetes tells it in each of its registries: Prometheus finds resets of counters by it. */
export function processStart(registry: Registry): void {
  new Gauge({
    registers: [registry],
    name: 'process_start_time_seconds',
    help: 'Start time of the process since unix epoch in seconds.',
  }).set(Date.now() / 1000 - process.uptime());
}

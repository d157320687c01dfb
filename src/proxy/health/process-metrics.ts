import {Counter, Gauge, type Registry} from 'prom-client';

/** What every program of Kubernetes tells of its process: dashboards show it of kube-proxy. */
export function processMetrics(registry: Registry): void {
  const registers = [registry];
  new Gauge({
    registers,
    name: 'process_resident_memory_bytes',
    help: 'Resident memory size in bytes.',
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Counter({
    registers,
    name: 'process_cpu_seconds_total',
    help: 'Total user and system CPU time spent in seconds.',
    collect() {
      const {user, system} = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  new Gauge({
    registers,
    name: 'process_start_time_seconds',
    help: 'Start time of the process since unix epoch in seconds.',
  }).set(performance.timeOrigin / 1000);
}

import {type Family, labelText} from '../metrics/exposition.ts';
import type {Snapshot} from '../types.ts';

export type MachineFacts = {
  readonly machineId: string;
  readonly systemUuid: string;
  readonly bootId: string;
  readonly kernel: string;
  readonly osImage: string;
  readonly version: string;
};

/** What is said once for the machine (metrics/prometheus_machine.go), and that nothing went wrong. */
export function machineFamilies({node}: Snapshot, machine: MachineFacts): Family[] {
  const labels = labelText({
    boot_id: machine.bootId,
    machine_id: machine.machineId,
    system_uuid: machine.systemUuid,
  });
  const gauge = (name: string, help: string, value: number): Family => ({
    name,
    help,
    type: 'gauge',
    lines: [{labels, value}],
  });
  return [
    {
      name: 'cadvisor_version_info',
      help: "A metric with a constant '1' value labeled by kernel version, OS version, docker version, cadvisor version & cadvisor revision.",
      type: 'gauge',
      lines: [
        {
          value: 1,
          labels: labelText({
            cadvisorRevision: '',
            cadvisorVersion: machine.version,
            dockerVersion: '',
            kernelVersion: machine.kernel,
            osVersion: machine.osImage,
          }),
        },
      ],
    },
    noError('container_scrape_error', 'container'),
    noError('machine_scrape_error', 'machine'),
    gauge('machine_cpu_cores', 'Number of logical CPU cores.', node.cpus),
    gauge('machine_memory_bytes', 'Amount of memory installed on the machine.', node.memoryCapacityBytes),
    gauge('machine_swap_bytes', 'Amount of swap memory available on the machine.', node.swapCapacityBytes),
  ];
}

function noError(name: string, what: string): Family {
  const help = `1 if there was an error while getting ${what} metrics, 0 otherwise`;
  return {name, help, type: 'gauge', lines: [{labels: '', value: 0}]};
}

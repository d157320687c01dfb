import type {NetworkSample} from '../../../edges/network/network-sample.ts';
import {labelText} from '../metrics/exposition.ts';
import {type CadvisorMetric, counter, type Read} from './metric.ts';

const ofNetwork =
  (read: (network: NetworkSample) => number): Read =>
  ({network = []}) =>
    network.map((sample) => ({value: read(sample), labels: labelText({interface: sample.name})}));

export const network: readonly CadvisorMetric[] = [
  ['receive_bytes', 'bytes received', (n: NetworkSample) => n.rxBytes] as const,
  ['receive_errors', 'errors encountered while receiving', (n: NetworkSample) => n.rxErrors] as const,
  ['receive_packets_dropped', 'packets dropped while receiving', (n: NetworkSample) => n.rxDropped] as const,
  ['receive_packets', 'packets received', (n: NetworkSample) => n.rxPackets] as const,
  ['transmit_bytes', 'bytes transmitted', (n: NetworkSample) => n.txBytes] as const,
  ['transmit_errors', 'errors encountered while transmitting', (n: NetworkSample) => n.txErrors] as const,
  [
    'transmit_packets_dropped',
    'packets dropped while transmitting',
    (n: NetworkSample) => n.txDropped,
  ] as const,
  ['transmit_packets', 'packets transmitted', (n: NetworkSample) => n.txPackets] as const,
].map(([name, what, read]) =>
  counter(`container_network_${name}_total`, `Cumulative count of ${what}`, ofNetwork(read)),
);

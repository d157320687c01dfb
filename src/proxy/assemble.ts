import type {ProxyConfig} from '../config/proxy.ts';
import {realClock} from '../edges/clock.ts';
import {servePlain} from '../edges/http/plain-http.ts';
import type {KubeClient} from '../edges/kube/client.ts';
import {type EventRecorder, eventTarget} from '../edges/kube/events.ts';
import type {Heap} from '../edges/machine/heap.ts';
import {deleteUdpFlows, listUdpFlows} from '../edges/network/conntrack.ts';
import {everyAddress} from '../edges/network/node-addresses.ts';
import type {Family} from '../lib/addresses.ts';
import {describeError} from '../lib/errors.ts';
import type {Logger} from '../lib/log.ts';
import {UdpCleaner} from './conntrack/udp-cleaner.ts';
import type {Following} from './health/following.ts';
import type {ProxyHealth} from './health/health.ts';
import {HealthPorts} from './health/health-ports.ts';
import type {ProxyMetrics} from './health/metrics.ts';
import type {Refused} from './model/endpoint.ts';
import {type NodeView, nodeIPs} from './model/node.ts';
import type {NodeWatch} from './node-watch.ts';
import type {Commits} from './plane/commits.ts';
import {FamilyProxy} from './plane/family-proxy.ts';
import type {Planes} from './plane/planes.ts';
import {podMatch} from './table/pod-match.ts';

export type Serving = {
  readonly config: ProxyConfig;
  readonly client: KubeClient;
  readonly families: readonly Family[];
  readonly health: ProxyHealth;
  readonly commits: Commits;
  readonly following: Following;
  readonly metrics: ProxyMetrics;
  readonly planes: Planes;
  readonly node: NodeWatch;
  readonly events: EventRecorder;
  readonly log: Logger;
  readonly heap: Heap;
};

export function familyProxy(serving: Serving, family: Family, node: NodeView): FamilyProxy {
  const {config, health, metrics, planes, log} = serving;
  const wanted = {
    family,
    masqueradeMark: config.masqueradeMark,
    masqueradeAll: config.masqueradeAll,
    allowExternalIPs: config.allowExternalIPs,
    pods: podMatch(config.detectLocal, family, node),
    refuse: (refused: Refused) => logRefused(log, refused),
    onBroken: (service: string, error: unknown) =>
      log.error('a Service cannot be understood and stays as it was', {service, error: describeError(error)}),
  };
  return new FamilyProxy({
    family,
    plane: planes.open(wanted),
    cleaner: new UdpCleaner({
      family,
      flows: {list: listUdpFlows, delete: deleteUdpFlows},
      metrics,
      clock: realClock,
      log,
    }),
    health,
    metrics,
    clock: realClock,
    log,
    maxRetryMs: config.syncPeriodMs,
  });
}

function logRefused(log: Logger, {slice, address, why}: Refused): void {
  log.warn('an endpoint is left out', {slice, address, why});
}

export function healthPorts(serving: Serving, family: Family): HealthPorts {
  const {config, node, health, events, log} = serving;
  const everywhere = family === 'IPv4' ? ['0.0.0.0'] : ['::'];
  return new HealthPorts({
    family,
    nodeName: config.nodeName,
    listen: (host, port, answer) => servePlain({host, port, ipv6Only: true, answer}),
    hosts: () => nodeIPs(config.nodePortAddresses, family, node.view(), localAddresses()) ?? everywhere,
    proxyHealthy: () => health.healthy,
    clock: realClock,
    log,
    onFailed: (service, message) =>
      events.record(
        eventTarget({...service, kind: 'Service', apiVersion: 'v1'}),
        'Warning',
        'FailedToStartServiceHealthcheck',
        message,
      ),
  });
}

/** Which of them serve node ports is the configuration's to say, whatever device they are on (GetNodeIPs). */
export function localAddresses(): string[] {
  return everyAddress().map(({address}) => address);
}

import {styleText} from 'node:util';
import type {DaemonSummary, NodeSummary} from '../../lib/node-report.ts';
import {wrap} from '../wrap.ts';

const labelWidth = 13;

/** What could not be seen is left out. */
export function nodeScreen(node: NodeSummary, width: number): string[] {
  const {ready, pods, dataPlane, certificateDays, leaseSeconds, memory, disk, daemons} = node;
  const rows: [string, string | undefined][] = [
    ['node', joined(node.name, node.version, node.address)],
    [
      'Ready',
      ready &&
        joined(
          `${ready.status} since ${ready.since}`,
          ready.reason,
          node.cordoned ? 'cordoned: takes no new pods' : undefined,
        ),
    ],
    ['API server', node.server],
    [
      'kubelet',
      joined(daemon(daemons.kubelet), node.foreign ? 'Kubernetes’ own: not joined by nodectl' : undefined),
    ],
    [
      'proxy',
      joined(daemon(daemons.proxy), dataPlane && `${dataPlane.plane}, ${dataPlane.ports} service ports`),
    ],
    ['containerd', joined(daemon(daemons.containerd), node.runtime)],
    [
      'pods',
      pods &&
        joined(
          `${pods.running} running, ${pods.waiting} waiting`,
          pods.ended > 0 ? `${pods.ended} ended` : undefined,
        ),
    ],
    ['certificate', certificateDays === undefined ? undefined : `${certificateDays} days left`],
    ['lease', leaseSeconds === undefined ? undefined : `renewed ${leaseSeconds} s ago`],
    [
      'memory',
      memory &&
        `${gib(memory.availableBytes)} of ${gib(memory.totalBytes)} available (evicts below ${memory.evictBelow})`,
    ],
    [
      'disk',
      disk && `${gib(disk.freeBytes)} of ${gib(disk.totalBytes)} free (evicts below ${disk.evictBelow})`,
    ],
  ];
  return rows.flatMap(([label, value]) => {
    if (value === undefined || value === '') return [];
    const [first = '', ...rest] = wrap(value, ' '.repeat(labelWidth), width);
    return [`${styleText('dim', label.padEnd(labelWidth))}${first.slice(labelWidth)}`, ...rest];
  });
}

function joined(...parts: readonly (string | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== '').join('  ');
}

function daemon(seen: DaemonSummary | undefined): string | undefined {
  if (seen === undefined) return undefined;
  if (!seen.running) return 'not running';
  const up = seen.upSeconds === undefined ? 'running' : `up ${span(seen.upSeconds)}`;
  return seen.restarts === 0 ? up : `${up}, ${seen.restarts} ${seen.restarts === 1 ? 'restart' : 'restarts'}`;
}

function span(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} days`;
}

function gib(bytes: number): string {
  return `${(bytes / 1024 ** 3).toFixed(1)} GiB`;
}

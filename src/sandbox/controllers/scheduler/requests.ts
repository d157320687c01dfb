import type {Container, Pod} from '../../../lib/kubernetes.ts';
import {quantityMilli, quantityValue} from '../../../lib/quantity.ts';

/** Amounts by resource name: milli for cpu, whole units for the rest. */
export type Amounts = Readonly<Record<string, number>>;

export function amounts(list: Readonly<Record<string, string>> | undefined): Amounts {
  return Object.fromEntries(
    Object.entries(list ?? {}).map(([name, text]) => [
      name,
      name === 'cpu' ? quantityMilli(text) : quantityValue(text),
    ]),
  );
}

export function plus(a: Amounts, b: Amounts): Amounts {
  const sum: Record<string, number> = {...a};
  for (const [name, value] of Object.entries(b)) sum[name] = (sum[name] ?? 0) + value;
  return sum;
}

function most(a: Amounts, b: Amounts): Amounts {
  const larger: Record<string, number> = {...a};
  for (const [name, value] of Object.entries(b)) larger[name] = Math.max(larger[name] ?? 0, value);
  return larger;
}

const remembered = new WeakMap<Pod, Amounts>();

/**
 * component-helpers' PodRequests: containers and sidecars run together; an init container runs beside the sidecars
 * that started before it, and the larger of the two counts. Pod-level requests stand in for what they name.
 */
export function podRequests(pod: Pod): Amounts {
  const known = remembered.get(pod);
  if (known !== undefined) return known;
  let running = pod.spec.containers.reduce((sum, c) => plus(sum, requestsOf(c)), amounts(undefined));
  let sidecars: Amounts = {};
  let starting: Amounts = {};
  for (const container of pod.spec.initContainers ?? []) {
    const own = requestsOf(container);
    if (container.restartPolicy === 'Always') {
      sidecars = plus(sidecars, own);
      starting = most(starting, sidecars);
    } else starting = most(starting, plus(sidecars, own));
  }
  running = most(plus(running, sidecars), starting);
  const total = plus({...running, ...amounts(pod.spec.resources?.requests)}, amounts(pod.spec.overhead));
  remembered.set(pod, total);
  return total;
}

function requestsOf(container: Container): Amounts {
  return amounts(container.resources?.requests);
}

export type HostPort = {readonly protocol: string; readonly ip: string; readonly port: number};

export function hostPorts(pod: Pod): HostPort[] {
  const sidecars = (pod.spec.initContainers ?? []).filter((c) => c.restartPolicy === 'Always');
  return [...pod.spec.containers, ...sidecars]
    .flatMap((container) => container.ports ?? [])
    .filter((port) => (port.hostPort ?? 0) > 0)
    .map((port) => ({
      protocol: port.protocol ?? 'TCP',
      ip: port.hostIP || '0.0.0.0',
      port: port.hostPort ?? 0,
    }));
}

/** The wildcard address collides with every other. */
export function portsCollide(a: HostPort, b: HostPort): boolean {
  if (a.port !== b.port || a.protocol !== b.protocol) return false;
  return a.ip === b.ip || a.ip === '0.0.0.0' || b.ip === '0.0.0.0';
}

import {isDeepStrictEqual} from 'node:util';
import type {Decision} from '../../../lib/control/reconcile.ts';
import type {EndpointSlice, Node, ObjectMeta, Pod, Service} from '../../../lib/kubernetes.ts';
import {services} from '../../../lib/resources.ts';
import {controllerRef} from '../owners.ts';
import {conditionOf} from '../pods.ts';
import {type Endpoint, type EndpointGroup, endpointGroups} from './endpoints.ts';

export type SlicesSeen = {
  readonly service: Service;
  readonly pods: readonly Pod[];
  readonly slices: readonly EndpointSlice[];
  readonly nodeOf: (name: string) => Node | undefined;
  readonly maxPerSlice: number;
};

export type SliceContent = Pick<EndpointSlice, 'addressType' | 'endpoints' | 'ports'> & {
  readonly labels: Record<string, string>;
};
export type SliceAct =
  | {
      readonly type: 'create';
      readonly service: Service;
      readonly content: SliceContent;
      readonly trigger?: string;
    }
  | {
      readonly type: 'update';
      readonly slice: EndpointSlice;
      readonly content: SliceContent;
      readonly trigger?: string;
    }
  | {readonly type: 'delete'; readonly slice: EndpointSlice};

const manager = 'endpointslice-controller.k8s.io';
const headless = 'service.kubernetes.io/headless';
const serviceName = 'kubernetes.io/service-name';
const managedBy = 'endpointslice.kubernetes.io/managed-by';

/** Endpoints stay in the slice that has them; new ones fill what is there before another slice is made. */
export function decideSlices(seen: SlicesSeen): Decision<SliceAct> {
  const {service, pods, maxPerSlice} = seen;
  const labels = labelsFor(service);
  const trigger = triggerTime(service, pods);
  const left = new Set(seen.slices);
  const acts: SliceAct[] = [];
  const groups = endpointGroups(service, pods, seen.nodeOf);
  for (const group of groups) {
    const own = seen.slices.filter((slice) => left.has(slice) && holds(slice, group));
    for (const slice of own) left.delete(slice);
    acts.push(...decideGroup({group, own, labels, service, trigger, maxPerSlice}));
  }
  return {
    acts: [...reuse(acts, left, trigger), ...[...left].map((slice): SliceAct => ({type: 'delete', slice}))],
  };
}

type GroupSeen = {
  readonly group: EndpointGroup;
  readonly own: readonly EndpointSlice[];
  readonly labels: Record<string, string>;
  readonly service: Service;
  readonly trigger: string | undefined;
  readonly maxPerSlice: number;
};

function decideGroup({group, own, labels, service, trigger, maxPerSlice}: GroupSeen): SliceAct[] {
  const wanted = new Map(group.endpoints.map((endpoint) => [keyOf(endpoint), endpoint]));
  const kept = own.map((slice) => {
    const endpoints: Endpoint[] = [];
    for (const old of slice.endpoints ?? []) {
      const now = wanted.get(keyOf(old));
      if (now !== undefined && wanted.delete(keyOf(old))) endpoints.push(now);
    }
    return {slice, endpoints};
  });
  const rest = [...wanted.values()];
  for (const {endpoints} of kept)
    endpoints.push(...rest.splice(0, Math.max(0, maxPerSlice - endpoints.length)));
  const content = (endpoints: Endpoint[]): SliceContent => ({
    addressType: group.family,
    ports: [...group.ports],
    endpoints,
    labels,
  });
  const acts: SliceAct[] = [];
  let full = kept.some(({endpoints}) => endpoints.length > 0) || rest.length > 0;
  for (const {slice, endpoints} of kept) {
    // Without endpoints one slice remains, so that it is known that there are none.
    if (endpoints.length === 0 && full) acts.push({type: 'delete', slice});
    else if (!unchanged(slice, content(endpoints)))
      acts.push({type: 'update', slice, content: content(endpoints), trigger});
    if (endpoints.length === 0) full = true;
  }
  while (rest.length > 0)
    acts.push({type: 'create', service, content: content(rest.splice(0, maxPerSlice)), trigger});
  if (kept.length === 0 && group.endpoints.length === 0)
    acts.push({type: 'create', service, content: content([]), trigger});
  return acts;
}

/** A slice that lost its ports to others is written over rather than deleted beside a new one: one change, no gap. */
function reuse(acts: readonly SliceAct[], left: Set<EndpointSlice>, trigger: string | undefined): SliceAct[] {
  return acts.map((act) => {
    if (act.type !== 'create') return act;
    const slice = [...left].find((old) => old.addressType === act.content.addressType);
    if (slice === undefined) return act;
    left.delete(slice);
    return {type: 'update', slice, content: act.content, trigger};
  });
}

const keyOf = (endpoint: Endpoint) => `${endpoint.targetRef?.uid} ${endpoint.addresses[0]}`;

function holds(slice: EndpointSlice, group: EndpointGroup): boolean {
  return slice.addressType === group.family && isDeepStrictEqual(slice.ports ?? [], [...group.ports]);
}

function unchanged(slice: EndpointSlice, content: SliceContent): boolean {
  return (
    isDeepStrictEqual(slice.endpoints ?? [], content.endpoints) &&
    isDeepStrictEqual(slice.ports ?? [], content.ports ?? []) &&
    isDeepStrictEqual(slice.metadata.labels, content.labels)
  );
}

/** A Service's labels are its slices' too, but those that only the controller sets. */
function labelsFor(service: Service): Record<string, string> {
  const {[headless]: _, ...own} = service.metadata.labels ?? {};
  return {
    ...own,
    [serviceName]: service.metadata.name,
    [managedBy]: manager,
    ...(service.spec.clusterIP === 'None' ? {[headless]: ''} : {}),
  };
}

/** When the newest cause of a change happened: what endpoint-programming latency is measured from. */
function triggerTime(service: Service, pods: readonly Pod[]): string | undefined {
  const times = pods.map((pod) => conditionOf(pod, 'Ready')?.lastTransitionTime ?? '');
  return [service.metadata.creationTimestamp ?? '', ...times].sort().at(-1) || undefined;
}

export function sliceMetadata(service: Service): ObjectMeta {
  return {
    generateName: `${service.metadata.name.slice(0, 57)}-`,
    namespace: service.metadata.namespace,
    ownerReferences: [controllerRef(services, service)],
  };
}

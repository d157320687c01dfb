import type {Queue} from '../../../lib/control/queue.ts';
import type {Node, Pod} from '../../../lib/kubernetes.ts';
import {matchesSelector} from '../../../lib/labels.ts';
import {endpointSlices} from '../../../lib/resources.ts';
import {type Context, runController} from '../controller.ts';
import {controllerOf, keyOf, nameKey} from '../owners.ts';
import {decideSlices, type SliceAct, type SlicesSeen, sliceMetadata} from './decide.ts';

const triggerAnnotation = 'endpoints.kubernetes.io/last-change-trigger-time';

export function startEndpointSlices(context: Context): Queue {
  const {caches} = context;
  const queue = runController<SlicesSeen, SliceAct>(context, {
    name: 'endpointslices',
    concurrency: 8,
    observe: (key) => observe(context, key),
    decide: decideSlices,
    apply: (act) => apply(context, act),
  });
  caches.services.listen((now) => {
    if (now !== undefined) queue.enqueue(keyOf(now));
  });
  caches.pods.listen((now, before) => {
    for (const key of servicesOf(context, now, before)) queue.enqueue(key);
  });
  caches.slices.listen((now, before) => {
    const slice = now ?? before;
    const owner = slice === undefined ? undefined : controllerOf(slice);
    if (slice !== undefined && owner?.kind === 'Service')
      queue.enqueue(nameKey(slice.metadata.namespace, owner.name));
  });
  caches.nodes.listen((now, before) => {
    const node = now ?? before;
    if (node === undefined || zoneOf(now) === zoneOf(before)) return;
    for (const pod of caches.podsByNode.get(node.metadata.name))
      for (const key of servicesOf(context, pod, undefined)) queue.enqueue(key);
  });
  return queue;
}

const zoneOf = (node: Node | undefined) => node?.metadata.labels?.['topology.kubernetes.io/zone'];

/** The services that select a pod as it is, or selected it as it was. */
function servicesOf({caches}: Context, now: Pod | undefined, before: Pod | undefined): string[] {
  const {namespace} = (now ?? before)?.metadata ?? {};
  return caches.servicesByNamespace
    .get(namespace ?? '')
    .filter(({spec}) => [now, before].some((pod) => pod !== undefined && selects(spec.selector, pod)))
    .map(keyOf);
}

function selects(selector: Record<string, string> | undefined, pod: Pod): boolean {
  if (selector === undefined || Object.keys(selector).length === 0) return false;
  return matchesSelector({matchLabels: selector}, pod.metadata.labels);
}

/** Services without a selector, and names outside the cluster, are somebody else's. */
function observe({caches, tuning}: Context, key: string): SlicesSeen | undefined {
  const service = caches.services.get(key);
  if (service === undefined || service.metadata.deletionTimestamp !== undefined) return undefined;
  const {selector, type} = service.spec;
  if (type === 'ExternalName' || selector === undefined || Object.keys(selector).length === 0)
    return undefined;
  const {namespace, uid} = service.metadata;
  return {
    service,
    pods: caches.podsByNamespace.get(namespace).filter((pod) => selects(selector, pod)),
    slices: caches.slicesByController
      .get(uid)
      .filter((slice) => slice.metadata.deletionTimestamp === undefined),
    nodeOf: (name) => caches.nodes.get(name),
    maxPerSlice: tuning?.maxEndpointsPerSlice ?? 100,
  };
}

async function apply({client, caches}: Context, act: SliceAct): Promise<void> {
  switch (act.type) {
    case 'create': {
      const {labels, ...content} = act.content;
      const metadata = {
        ...sliceMetadata(act.service),
        labels,
        annotations: annotated(undefined, act.trigger),
      };
      const {namespace} = act.service.metadata;
      await caches.slices.shows(await client.create(endpointSlices, {...content, metadata}, {namespace}));
      return;
    }
    case 'update': {
      const {labels, ...content} = act.content;
      const {metadata} = act.slice;
      const annotations = annotated(metadata.annotations, act.trigger);
      await caches.slices.shows(
        await client.update(endpointSlices, {
          ...act.slice,
          ...content,
          metadata: {...metadata, labels, annotations},
        }),
      );
      return;
    }
    case 'delete': {
      const {namespace, name, uid} = act.slice.metadata;
      await client.delete(endpointSlices, {namespace, name}, {preconditions: {uid}});
      await caches.slices.showsDeletion(keyOf(act.slice), uid);
    }
  }
}

function annotated(
  annotations: Record<string, string> | undefined,
  trigger: string | undefined,
): Record<string, string> | undefined {
  return trigger === undefined ? annotations : {...annotations, [triggerAnnotation]: trigger};
}

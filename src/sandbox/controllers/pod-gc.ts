import {isNotFound} from '../../edges/kube/errors.ts';
import type {Queue} from '../../lib/control/queue.ts';
import type {Decision} from '../../lib/control/reconcile.ts';
import type {Pod} from '../../lib/kubernetes.ts';
import {pods} from '../../lib/resources.ts';
import {timestamp} from '../../lib/time.ts';
import {type Context, runController} from './controller.ts';
import {keyOf} from './owners.ts';
import {isTerminal, withCondition} from './pods.ts';

export type PodGcSeen = {
  /** Pods whose node does not exist, with how long it has been away. */
  readonly lost: readonly {readonly pod: Pod; readonly awayMs: number}[];
  readonly terminated: readonly Pod[];
  readonly threshold: number;
};
export type PodGcAct = {readonly type: 'remove'; readonly pod: Pod; readonly orphaned: boolean};

/** A node may come back under its name within a moment (podgc's quarantine). */
const quarantineMs = 40_000;

/** podgc: pods of nodes that are gone, and the oldest of the finished ones above the threshold. */
export function decidePodGc({lost, terminated, threshold}: PodGcSeen): Decision<PodGcAct> {
  const over = lost.filter(({awayMs}) => awayMs >= quarantineMs);
  const waits = lost.filter(({awayMs}) => awayMs < quarantineMs).map(({awayMs}) => quarantineMs - awayMs);
  const surplus = Math.max(0, terminated.length - threshold);
  const oldest = [...terminated].sort((a, b) =>
    (a.metadata.creationTimestamp ?? '').localeCompare(b.metadata.creationTimestamp ?? ''),
  );
  const acts: PodGcAct[] = [
    ...over.map(({pod}): PodGcAct => ({type: 'remove', pod, orphaned: !isTerminal(pod)})),
    ...oldest.slice(0, surplus).map((pod): PodGcAct => ({type: 'remove', pod, orphaned: false})),
  ];
  return waits.length === 0 ? {acts} : {acts, againInMs: Math.min(...waits)};
}

const onlyKey = 'pods';

export function startPodGc(context: Context): Queue {
  const {caches, clock, tuning} = context;
  const awaySince = new Map<string, number>();
  const queue = runController<PodGcSeen, PodGcAct>(context, {
    name: 'pod-gc',
    concurrency: 1,
    observe: () => {
      const nowMs = clock.monotonic();
      const lost: {pod: Pod; awayMs: number}[] = [];
      const missing = new Set<string>();
      const terminated: Pod[] = [];
      for (const pod of caches.pods.values()) {
        if (isTerminal(pod) && pod.metadata.deletionTimestamp === undefined) terminated.push(pod);
        const node = pod.spec.nodeName;
        if (!node || caches.nodes.get(node) !== undefined) continue;
        missing.add(node);
        if (!awaySince.has(node)) awaySince.set(node, nowMs);
        lost.push({pod, awayMs: nowMs - (awaySince.get(node) ?? nowMs)});
      }
      for (const node of awaySince.keys()) if (!missing.has(node)) awaySince.delete(node);
      return {lost, terminated, threshold: tuning?.terminatedPodGcThreshold ?? 12_500};
    },
    decide: decidePodGc,
    apply: async ({pod, orphaned}) => await remove(context, pod, orphaned),
  });
  caches.nodes.listen((now) => {
    if (now === undefined) queue.enqueue(onlyKey);
  });
  caches.pods.listen((now, before) => {
    const lost = now?.spec.nodeName !== undefined && caches.nodes.get(now.spec.nodeName) === undefined;
    const ended = now !== undefined && isTerminal(now) && (before === undefined || !isTerminal(before));
    if ((lost && before?.spec.nodeName === undefined) || ended) queue.enqueue(onlyKey);
  });
  return queue;
}

async function remove({client, caches, clock}: Context, pod: Pod, orphaned: boolean): Promise<void> {
  const {namespace, name, uid} = pod.metadata;
  const conditions = withCondition(pod.status?.conditions, {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'DeletionByPodGC',
    message: 'PodGC: node no longer exists',
    lastTransitionTime: timestamp(clock.now()),
  });
  try {
    if (orphaned) {
      const body = {metadata: {uid}, status: {phase: 'Failed', conditions}};
      await client.patch(pods, {namespace, name, subresource: 'status'}, {type: 'merge', body});
    }
    await client.delete(pods, {namespace, name}, {gracePeriodSeconds: 0, preconditions: {uid}});
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  await caches.pods.showsDeletion(keyOf(pod), uid);
}

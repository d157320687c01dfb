import {isNotFound} from '../../../edges/kube/errors.ts';
import type {Queue} from '../../../lib/control/queue.ts';
import type {Decision} from '../../../lib/control/reconcile.ts';
import type {Node, Pod} from '../../../lib/kubernetes.ts';
import {pods} from '../../../lib/resources.ts';
import {timestamp} from '../../../lib/time.ts';
import {type Context, runController} from '../controller.ts';
import {keyOf} from '../owners.ts';
import {isTerminal, withCondition} from '../pods.ts';
import {type Taint, tolerates} from '../scheduler/taints.ts';

export type EvictionSeen = {readonly pod: Pod; readonly node: Node; readonly nowMs: number};
export type EvictionAct = {readonly type: 'evict'; readonly pod: Pod};

/**
 * The taint-eviction-controller: a NoExecute taint ends a pod that does not tolerate it, or when the shortest of the
 * tolerations that it has is over, counted from when the taint came.
 */
export function decideEviction({pod, node, nowMs}: EvictionSeen): Decision<EvictionAct> {
  if (pod.metadata.deletionTimestamp !== undefined || isTerminal(pod)) return {acts: []};
  let shortestMs = Number.POSITIVE_INFINITY;
  for (const taint of (node.spec?.taints ?? []).filter((t) => t.effect === 'NoExecute')) {
    const leftMs = toleratedMs(pod, taint, nowMs);
    if (leftMs <= 0) return {acts: [{type: 'evict', pod}]};
    shortestMs = Math.min(shortestMs, leftMs);
  }
  return shortestMs === Number.POSITIVE_INFINITY
    ? {acts: []}
    : {acts: [], againInMs: Math.min(shortestMs, 86_400_000)};
}

function toleratedMs(pod: Pod, taint: Taint, nowMs: number): number {
  const matching = (pod.spec.tolerations ?? []).filter((toleration) => tolerates(toleration, taint));
  if (matching.length === 0) return 0;
  const seconds = matching.flatMap((toleration) => toleration.tolerationSeconds ?? []);
  if (seconds.length === 0) return Number.POSITIVE_INFINITY;
  const since = taint.timeAdded === undefined ? nowMs : Date.parse(taint.timeAdded);
  return since + Math.max(0, Math.min(...seconds)) * 1000 - nowMs;
}

export function startTaintEviction(context: Context): Queue {
  const {caches, clock} = context;
  const queue = runController<EvictionSeen, EvictionAct>(context, {
    name: 'taint-eviction',
    observe: (key) => {
      const pod = caches.pods.get(key);
      const node = pod?.spec.nodeName ? caches.nodes.get(pod.spec.nodeName) : undefined;
      return pod === undefined || node === undefined ? undefined : {pod, node, nowMs: clock.now()};
    },
    decide: decideEviction,
    apply: async ({pod}) => await evict(context, pod),
  });
  caches.nodes.listen((now, before) => {
    if (now === undefined || JSON.stringify(now.spec?.taints) === JSON.stringify(before?.spec?.taints))
      return;
    for (const pod of caches.podsByNode.get(now.metadata.name)) queue.enqueue(keyOf(pod));
  });
  caches.pods.listen((now, before) => {
    const moved = now?.spec.nodeName !== before?.spec.nodeName;
    const tolerated = JSON.stringify(now?.spec.tolerations) !== JSON.stringify(before?.spec.tolerations);
    if (now?.spec.nodeName && (moved || tolerated)) queue.enqueue(keyOf(now));
  });
  return queue;
}

async function evict({client, caches, clock, events}: Context, pod: Pod): Promise<void> {
  const {namespace, name, uid} = pod.metadata;
  const message = `Marking for deletion Pod ${namespace}/${name}`;
  events.record({
    resource: pods,
    about: pod,
    type: 'Normal',
    reason: 'TaintManagerEviction',
    message,
    component: 'taint-eviction-controller',
  });
  const conditions = withCondition(pod.status?.conditions, {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'DeletionByTaintManager',
    message: 'Taint manager: deleting due to NoExecute taint',
    lastTransitionTime: timestamp(clock.now()),
  });
  try {
    await client.patch(
      pods,
      {namespace, name, subresource: 'status'},
      {type: 'merge', body: {metadata: {uid}, status: {conditions}}},
    );
    await client.delete(pods, {namespace, name}, {preconditions: {uid}});
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  await caches.pods.showsDeletion(keyOf(pod), uid);
}

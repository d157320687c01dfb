import {isNotFound} from '../../../edges/kube/errors.ts';
import type {Queue} from '../../../lib/control/queue.ts';
import type {Node, Pod} from '../../../lib/kubernetes.ts';
import {pods} from '../../../lib/resources.ts';
import {timestamp} from '../../../lib/time.ts';
import {type Context, runController} from '../controller.ts';
import {keyOf} from '../owners.ts';
import {isTerminal, withCondition} from '../pods.ts';
import {decideScheduling, type SchedulingAct, type SchedulingSeen} from './decide.ts';
import {nodeInfo} from './filter.ts';

const schedulerName = 'default-scheduler';

/** One pod at a time; a pod that found no place is tried again when nodes or pods change, never on a timer. */
export function startScheduler(context: Context): Queue {
  const {caches} = context;
  const waiting = new Set<string>();
  const queue = runController<SchedulingSeen, SchedulingAct>(context, {
    name: 'scheduler',
    concurrency: 1,
    observe: (key) => {
      waiting.delete(key);
      return observe(context, key);
    },
    decide: (seen) => {
      const decision = decideScheduling(seen);
      if (!decision.acts.some((act) => act.type === 'bind')) waiting.add(keyOf(seen.pod));
      return decision;
    },
    apply: (act) =>
      act.type === 'bind' ? bind(context, act.pod, act.node) : refuse(context, act.pod, act.message),
  });
  const retry = () => {
    for (const key of waiting) queue.enqueue(key);
  };
  caches.pods.listen((now, before) => {
    if (now !== undefined && needsPlace(now)) queue.enqueue(keyOf(now));
    if (now === undefined && before !== undefined) waiting.delete(keyOf(before));
    if (freesRoom(now, before)) retry();
  });
  caches.nodes.listen((now, before) => {
    if (nodeChanged(now, before)) retry();
  });
  return queue;
}

function needsPlace({spec, metadata, status}: Pod): boolean {
  return (
    !spec.nodeName &&
    spec.schedulerName === schedulerName &&
    metadata.deletionTimestamp === undefined &&
    (spec.schedulingGates ?? []).length === 0 &&
    status?.phase !== 'Failed'
  );
}

/** A pod went, ended, or came to a node where others may want to be near it. */
function freesRoom(now: Pod | undefined, before: Pod | undefined): boolean {
  if (now === undefined) return before?.spec.nodeName !== undefined;
  if (isTerminal(now)) return before !== undefined && !isTerminal(before);
  return now.spec.nodeName !== before?.spec.nodeName || !same(now.metadata.labels, before?.metadata.labels);
}

function nodeChanged(now: Node | undefined, before: Node | undefined): boolean {
  if (now === undefined || before === undefined) return true;
  return (
    !same(now.spec, before.spec) ||
    !same(now.metadata.labels, before.metadata.labels) ||
    !same(now.status?.allocatable, before.status?.allocatable)
  );
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

function observe({caches}: Context, key: string): SchedulingSeen | undefined {
  const pod = caches.pods.get(key);
  if (pod === undefined || !needsPlace(pod)) return undefined;
  const nodes = [...caches.nodes.values()].map((node) =>
    nodeInfo(
      node,
      caches.podsByNode.get(node.metadata.name).filter((other) => !isTerminal(other)),
    ),
  );
  return {pod, nodes, namespaceLabels: (name) => caches.namespaces.get(name)?.metadata.labels ?? {}};
}

async function bind({client, caches, events}: Context, pod: Pod, node: string): Promise<void> {
  const {namespace, name, uid} = pod.metadata;
  try {
    await client.create(
      pods,
      {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: {namespace, name, uid},
        target: {apiVersion: 'v1', kind: 'Node', name: node},
      },
      {namespace, name, subresource: 'binding'},
    );
  } catch (error) {
    if (isNotFound(error)) return;
    throw error;
  }
  const message = `Successfully assigned ${namespace}/${name} to ${node}`;
  events.record({
    resource: pods,
    about: pod,
    type: 'Normal',
    reason: 'Scheduled',
    message,
    component: schedulerName,
  });
  await caches.pods.until(
    (get) => get(keyOf(pod))?.metadata.uid !== uid || Boolean(get(keyOf(pod))?.spec.nodeName),
  );
}

async function refuse({client, clock, events}: Context, pod: Pod, message: string): Promise<void> {
  const {namespace, name} = pod.metadata;
  const note = {resource: pods, about: pod, reason: 'FailedScheduling', message, component: schedulerName};
  events.record({...note, type: 'Warning'});
  const conditions = withCondition(pod.status?.conditions, {
    type: 'PodScheduled',
    status: 'False',
    reason: 'Unschedulable',
    message,
    observedGeneration: pod.metadata.generation,
    lastTransitionTime: timestamp(clock.now()),
  });
  await client.patch(
    pods,
    {namespace, name, subresource: 'status'},
    {type: 'strategic', body: {status: {conditions}}},
  );
}

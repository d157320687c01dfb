import {isForbidden, isInvalid, isNotFound} from '../../../edges/kube/errors.ts';
import type {Queue} from '../../../lib/control/queue.ts';
import {describeError} from '../../../lib/errors.ts';
import type {Pod, ReplicaSet} from '../../../lib/kubernetes.ts';
import {matchesSelector} from '../../../lib/labels.ts';
import {pods, replicaSets} from '../../../lib/resources.ts';
import {timestamp} from '../../../lib/time.ts';
import {type Context, runController} from '../controller.ts';
import {controllerOf, controllerRef, keyOf, nameKey} from '../owners.ts';
import {withCondition} from '../pods.ts';
import {decideReplicaSet, type ReplicaSetAct, type ReplicaSetSeen} from './decide.ts';

const component = 'replicaset-controller';

export function startReplicaSets(context: Context): Queue {
  const {caches} = context;
  const queue = runController<ReplicaSetSeen, ReplicaSetAct>(context, {
    name: 'replicasets',
    observe: (key) => observe(context, key),
    decide: decideReplicaSet,
    apply: (act) => apply(context, act),
  });
  caches.replicaSets.listen((now) => {
    if (now !== undefined) queue.enqueue(keyOf(now));
  });
  caches.pods.listen((now, before) => {
    for (const pod of [now, before])
      if (pod !== undefined) for (const key of setsOf(context, pod)) queue.enqueue(key);
  });
  return queue;
}

/** The set that owns a pod, or those that could adopt it. */
function setsOf({caches}: Context, pod: Pod): string[] {
  const owner = controllerOf(pod);
  const {namespace} = pod.metadata;
  if (owner !== undefined) return owner.kind === 'ReplicaSet' ? [nameKey(namespace, owner.name)] : [];
  return caches.replicaSetsByNamespace
    .get(namespace)
    .filter((set) => matchesSelector(set.spec?.selector, pod.metadata.labels))
    .map(keyOf);
}

function observe({caches, clock}: Context, key: string): ReplicaSetSeen | undefined {
  const replicaSet = caches.replicaSets.get(key);
  if (replicaSet === undefined) return undefined;
  const {namespace, uid} = replicaSet.metadata;
  const orphans = caches.podsByNamespace
    .get(namespace)
    .filter(
      (pod) =>
        controllerOf(pod) === undefined && matchesSelector(replicaSet.spec?.selector, pod.metadata.labels),
    );
  return {replicaSet, pods: [...caches.podsByController.get(uid), ...orphans], nowMs: clock.now()};
}

async function apply(context: Context, act: ReplicaSetAct): Promise<void> {
  switch (act.type) {
    case 'adopt':
    case 'release':
      return await changeOwner(context, act);
    case 'create':
      return await createPods(context, act.replicaSet, act.count);
    case 'delete':
      return await deletePods(context, act.replicaSet, act.pods);
    case 'status': {
      const {caches, client} = context;
      const written = await client.update(replicaSets, {...act.replicaSet, status: act.status}, 'status');
      await caches.replicaSets.shows(written);
    }
  }
}

async function changeOwner(
  {client, caches}: Context,
  act: Extract<ReplicaSetAct, {type: 'adopt' | 'release'}>,
) {
  const {replicaSet, pod} = act;
  const {namespace, name, uid, resourceVersion} = pod.metadata;
  const others = (pod.metadata.ownerReferences ?? []).filter(
    (owner) => owner.uid !== replicaSet.metadata.uid,
  );
  const ownerReferences = act.type === 'adopt' ? [...others, controllerRef(replicaSets, replicaSet)] : others;
  const body = {metadata: {uid, resourceVersion, ownerReferences}};
  await caches.pods.shows(await client.patch(pods, {namespace, name}, {type: 'merge', body}));
}

/** Slow start: 1, 2, 4 … at a time, so that a quota or a bad template costs one refusal and not hundreds. */
async function createPods(context: Context, replicaSet: ReplicaSet, count: number): Promise<void> {
  const {client, caches, events} = context;
  const {namespace} = replicaSet.metadata;
  const template = replicaSet.spec?.template;
  const {labels, annotations, finalizers} = template?.metadata ?? {};
  const metadata = {
    generateName: `${replicaSet.metadata.name.slice(0, 57)}-`,
    namespace,
    labels,
    annotations,
    finalizers,
    ownerReferences: [controllerRef(replicaSets, replicaSet)],
  };
  const note = {resource: replicaSets, about: replicaSet, component};
  const one = async () => {
    const pod = await client.create(pods, {metadata, spec: template?.spec}, {namespace});
    events.record({
      ...note,
      type: 'Normal',
      reason: 'SuccessfulCreate',
      message: `Created pod: ${pod.metadata.name}`,
    });
    await caches.pods.shows(pod);
  };
  try {
    for (let done = 0, batch = 1; done < count; done += batch, batch = Math.min(batch * 2, 64))
      await Promise.all(Array.from({length: Math.min(batch, count - done)}, one));
    await setFailure(context, replicaSet, undefined);
  } catch (error) {
    const message = describeError(error);
    events.record({...note, type: 'Warning', reason: 'FailedCreate', message: `Error creating: ${message}`});
    if (isForbidden(error) || isInvalid(error)) await setFailure(context, replicaSet, message);
    throw error;
  }
}

/** The ReplicaFailure condition, which `kubectl describe` and the Deployment show. */
async function setFailure(context: Context, seen: ReplicaSet, message: string | undefined): Promise<void> {
  const {client, caches, clock} = context;
  const replicaSet = caches.replicaSets.get(keyOf(seen)) ?? seen;
  const known = replicaSet.status?.conditions?.find((condition) => condition.type === 'ReplicaFailure');
  if (known?.message === message) return;
  const conditions =
    message === undefined
      ? (replicaSet.status?.conditions ?? []).filter((condition) => condition.type !== 'ReplicaFailure')
      : withCondition(replicaSet.status?.conditions, {
          type: 'ReplicaFailure',
          status: 'True',
          reason: 'FailedCreate',
          message,
          lastTransitionTime: timestamp(clock.now()),
        });
  const status = {replicas: 0, ...replicaSet.status, conditions};
  await caches.replicaSets.shows(await client.update(replicaSets, {...replicaSet, status}, 'status'));
}

async function deletePods({client, caches, events}: Context, replicaSet: ReplicaSet, doomed: readonly Pod[]) {
  const note = {resource: replicaSets, about: replicaSet, component};
  await Promise.all(
    doomed.map(async (pod) => {
      const {namespace, name, uid} = pod.metadata;
      try {
        await client.delete(pods, {namespace, name}, {preconditions: {uid}});
        events.record({...note, type: 'Normal', reason: 'SuccessfulDelete', message: `Deleted pod: ${name}`});
      } catch (error) {
        if (!isNotFound(error)) throw error;
      }
      await caches.pods.showsDeletion(keyOf(pod), uid);
    }),
  );
}

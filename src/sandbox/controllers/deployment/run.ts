import {isAlreadyExists} from '../../../edges/kube/errors.ts';
import type {Queue} from '../../../lib/control/queue.ts';
import type {Deployment, ReplicaSet} from '../../../lib/kubernetes.ts';
import {matchesSelector} from '../../../lib/labels.ts';
import {deployments, replicaSets} from '../../../lib/resources.ts';
import {type Context, runController} from '../controller.ts';
import {controllerOf, controllerRef, keyOf, nameKey} from '../owners.ts';
import {type DeploymentAct, type DeploymentSeen, decideDeployment} from './decide.ts';
import {wantedBy} from './scale.ts';
import {desiredAnnotation, hashLabel, maxAnnotation, revisionAnnotation, runsTemplate} from './template.ts';

const component = 'deployment-controller';

export function startDeployments(context: Context): Queue {
  const {caches} = context;
  const queue = runController<DeploymentSeen, DeploymentAct>(context, {
    name: 'deployments',
    observe: (key) => observe(context, key),
    decide: decideDeployment,
    apply: (act) => apply(context, act),
  });
  caches.deployments.listen((now) => {
    if (now !== undefined) queue.enqueue(keyOf(now));
  });
  caches.replicaSets.listen((now, before) => {
    for (const set of [now, before])
      if (set !== undefined) for (const key of deploymentsOf(context, set)) queue.enqueue(key);
  });
  // Only Recreate waits for pods themselves; its sets hear of all else.
  caches.pods.listen((now, before) => {
    const owner = now === undefined && before !== undefined ? controllerOf(before) : undefined;
    if (owner?.kind !== 'ReplicaSet') return;
    const set = caches.replicaSets.get(nameKey(before?.metadata.namespace, owner.name));
    if (set !== undefined) for (const key of deploymentsOf(context, set)) queue.enqueue(key);
  });
  return queue;
}

function deploymentsOf({caches}: Context, set: ReplicaSet): string[] {
  const owner = controllerOf(set);
  const {namespace} = set.metadata;
  if (owner !== undefined) return owner.kind === 'Deployment' ? [nameKey(namespace, owner.name)] : [];
  return [...caches.deployments.values()]
    .filter(
      (d) => d.metadata.namespace === namespace && matchesSelector(d.spec?.selector, set.metadata.labels),
    )
    .map(keyOf);
}

function observe({caches, clock}: Context, key: string): DeploymentSeen | undefined {
  const deployment = caches.deployments.get(key);
  if (deployment === undefined) return undefined;
  const {namespace, uid} = deployment.metadata;
  const owned = caches.replicaSetsByController.get(uid);
  const orphans = caches.replicaSetsByNamespace
    .get(namespace)
    .filter(
      (set) =>
        controllerOf(set) === undefined && matchesSelector(deployment.spec?.selector, set.metadata.labels),
    );
  const pods = owned.flatMap((set) => caches.podsByController.get(set.metadata.uid));
  return {deployment, replicaSets: [...owned, ...orphans], pods, nowMs: clock.now()};
}

async function apply(context: Context, act: DeploymentAct): Promise<void> {
  const {client, caches} = context;
  switch (act.type) {
    case 'adopt':
    case 'release':
      return await changeOwner(context, act);
    case 'create':
      return await createSet(context, act);
    case 'change':
      return await changeSet(context, act);
    case 'delete': {
      const {namespace, name, uid} = act.replicaSet.metadata;
      await client.delete(replicaSets, {namespace, name}, {preconditions: {uid}});
      return await caches.replicaSets.showsDeletion(keyOf(act.replicaSet), uid);
    }
    case 'annotate': {
      const {namespace, name, uid} = act.deployment.metadata;
      const body = {metadata: {uid, annotations: {[revisionAnnotation]: String(act.revision)}}};
      const written = await client.patch(deployments, {namespace, name}, {type: 'merge', body});
      return await caches.deployments.shows(written);
    }
    case 'status': {
      const {namespace, name, uid} = act.deployment.metadata;
      const body = {metadata: {uid}, status: act.status};
      const written = await client.patch(
        deployments,
        {namespace, name, subresource: 'status'},
        {type: 'merge', body},
      );
      return await caches.deployments.shows(written);
    }
  }
}

async function changeOwner(
  {client, caches}: Context,
  act: Extract<DeploymentAct, {type: 'adopt' | 'release'}>,
): Promise<void> {
  const {namespace, name, uid, resourceVersion} = act.replicaSet.metadata;
  const others = (act.replicaSet.metadata.ownerReferences ?? []).filter(
    (o) => o.uid !== act.deployment.metadata.uid,
  );
  const ownerReferences =
    act.type === 'adopt' ? [...others, controllerRef(deployments, act.deployment)] : others;
  const body = {metadata: {uid, resourceVersion, ownerReferences}};
  await caches.replicaSets.shows(await client.patch(replicaSets, {namespace, name}, {type: 'merge', body}));
}

async function createSet(context: Context, act: Extract<DeploymentAct, {type: 'create'}>): Promise<void> {
  const {client, caches} = context;
  const {deployment, hash, replicas, revision, bounds} = act;
  const {namespace, name} = deployment.metadata;
  const setName = `${name}-${hash}`;
  const template = deployment.spec?.template;
  const labels = {...template?.metadata?.labels, [hashLabel]: hash};
  const selector = {
    ...deployment.spec?.selector,
    matchLabels: {...deployment.spec?.selector.matchLabels, [hashLabel]: hash},
  };
  const annotations = {
    ...carried(deployment),
    [revisionAnnotation]: String(revision),
    [desiredAnnotation]: String(bounds.replicas),
    [maxAnnotation]: String(bounds.replicas + bounds.maxSurge),
  };
  const draft = {
    metadata: {
      name: setName,
      namespace,
      labels,
      annotations,
      ownerReferences: [controllerRef(deployments, deployment)],
    },
    spec: {
      replicas,
      minReadySeconds: deployment.spec?.minReadySeconds,
      selector,
      template: {...template, metadata: {...template?.metadata, labels}},
    },
  };
  try {
    await caches.replicaSets.shows(await client.create(replicaSets, draft, {namespace}));
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    return await collided(context, deployment, setName);
  }
  if (replicas > 0) scaled(context, deployment, setName, 0, replicas);
}

/** Another template under the same name: the hash has to move on. Our own set from before is simply found again. */
async function collided({client, caches}: Context, deployment: Deployment, setName: string): Promise<void> {
  const {namespace, name} = deployment.metadata;
  const found = await client.get(replicaSets, {namespace, name: setName});
  const own = controllerOf(found)?.uid === deployment.metadata.uid;
  if (own && runsTemplate(found, deployment.spec?.template)) return await caches.replicaSets.shows(found);
  const collisionCount = (deployment.status?.collisionCount ?? 0) + 1;
  const patch = {type: 'merge' as const, body: {status: {collisionCount}}};
  await caches.deployments.shows(
    await client.patch(deployments, {namespace, name, subresource: 'status'}, patch),
  );
}

/** A Deployment's annotations are its sets' too, but for those that are about one object only. */
function carried(deployment: Deployment): Record<string, string> {
  const own = new Set([
    'kubectl.kubernetes.io/last-applied-configuration',
    revisionAnnotation,
    desiredAnnotation,
    maxAnnotation,
    'deployment.kubernetes.io/revision-history',
    'deprecated.deployment.rollback.to',
  ]);
  return Object.fromEntries(
    Object.entries(deployment.metadata.annotations ?? {}).filter(([key]) => !own.has(key)),
  );
}

async function changeSet(context: Context, act: Extract<DeploymentAct, {type: 'change'}>): Promise<void> {
  const {client, caches} = context;
  const {deployment, replicaSet, replicas, annotations} = act;
  const {namespace, name, uid, resourceVersion} = replicaSet.metadata;
  const body = {metadata: {uid, resourceVersion, annotations}, spec: {replicas}};
  await caches.replicaSets.shows(await client.patch(replicaSets, {namespace, name}, {type: 'merge', body}));
  if (replicas !== wantedBy(replicaSet)) scaled(context, deployment, name, wantedBy(replicaSet), replicas);
}

function scaled({events}: Context, deployment: Deployment, name: string, from: number, to: number): void {
  const way = to > from ? 'up' : 'down';
  const message = `Scaled ${way} replica set ${name} from ${from} to ${to}`;
  events.record({
    resource: deployments,
    about: deployment,
    type: 'Normal',
    reason: 'ScalingReplicaSet',
    message,
    component,
  });
}

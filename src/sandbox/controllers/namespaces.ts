import {isConflict, isNotFound} from '../../edges/kube/errors.ts';
import type {Queue} from '../../lib/control/queue.ts';
import type {Decision} from '../../lib/control/reconcile.ts';
import type {KubeObject, Namespace} from '../../lib/kubernetes.ts';
import {namespaces, type Resource} from '../../lib/resources.ts';
import {timestamp} from '../../lib/time.ts';
import {type Context, runController} from './controller.ts';
import {withCondition} from './pods.ts';

export type NamespaceAct = {readonly type: 'empty'; readonly namespace: Namespace};

type ApiResource = {name: string; kind: string; namespaced: boolean; verbs: string[]};
type ApiGroups = {groups: {preferredVersion: {groupVersion: string}}[]};

/** What is still there may be waiting for finalizers or for a kubelet. */
const againMs = 1000;

/** A namespace on its way out is emptied until nothing is left, then let go. */
export function decideNamespace(namespace: Namespace): Decision<NamespaceAct> {
  const leaving = namespace.metadata.deletionTimestamp !== undefined;
  const held = namespace.spec?.finalizers?.includes('kubernetes') === true;
  return leaving && held ? {acts: [{type: 'empty', namespace}], againInMs: againMs} : {acts: []};
}

export function startNamespaces(context: Context): Queue {
  const {caches} = context;
  const queue = runController<Namespace, NamespaceAct>(context, {
    name: 'namespaces',
    observe: (name) => caches.namespaces.get(name),
    decide: decideNamespace,
    apply: async ({namespace}) => await empty(context, namespace),
  });
  caches.namespaces.listen((now) => {
    if (now?.metadata.deletionTimestamp !== undefined) queue.enqueue(now.metadata.name);
  });
  return queue;
}

async function empty(context: Context, namespace: Namespace): Promise<void> {
  const {client, caches} = context;
  const {name} = namespace.metadata;
  const left: string[] = [];
  for (const resource of await namespacedResources(context)) {
    const count = await emptyOf(context, resource, name);
    if (count > 0) left.push(`${resource.plural}. has ${count} resource instances`);
  }
  if (left.length > 0) return await tell(context, namespace, left);
  const finalizers = (namespace.spec?.finalizers ?? []).filter((finalizer) => finalizer !== 'kubernetes');
  try {
    await client.update(namespaces, {...namespace, spec: {...namespace.spec, finalizers}}, 'finalize');
  } catch (error) {
    if (!isConflict(error) && !isNotFound(error)) throw error;
  }
  await caches.namespaces.until(
    (get) => get(name)?.metadata.resourceVersion !== namespace.metadata.resourceVersion,
  );
}

/** Whatever the server serves in namespaces: asked, not listed here, so that nothing is forgotten. */
async function namespacedResources({client}: Context): Promise<Resource[]> {
  const {groups} = await client.request<ApiGroups>('GET', '/apis');
  const paths = ['/api/v1', ...groups.map((group) => `/apis/${group.preferredVersion.groupVersion}`)];
  const lists = await Promise.all(
    paths.map(async (path) => {
      const {groupVersion, resources} = await client.request<{
        groupVersion: string;
        resources: ApiResource[];
      }>('GET', path);
      const [version = '', group = ''] = groupVersion.split('/').reverse();
      return resources
        .filter(
          (r) =>
            r.namespaced && r.verbs.includes('delete') && r.verbs.includes('list') && !r.name.includes('/'),
        )
        .map((r): Resource => ({group, version, plural: r.name, kind: r.kind, namespaced: true}));
    }),
  );
  return lists.flat();
}

/** How many objects of a resource are still there after each of them was told to go. */
async function emptyOf({client}: Context, resource: Resource, namespace: string): Promise<number> {
  const {items} = await client.list(resource, {namespace});
  await Promise.all(items.filter((item) => item.metadata.deletionTimestamp === undefined).map(deleteOne));
  return items.length === 0 ? 0 : (await client.list(resource, {namespace})).items.length;

  async function deleteOne({metadata}: KubeObject): Promise<void> {
    try {
      const how = {preconditions: {uid: metadata.uid}, propagationPolicy: 'Background' as const};
      await client.delete(resource, {namespace, name: metadata.name}, how);
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  }
}

async function tell({client, clock}: Context, namespace: Namespace, left: readonly string[]): Promise<void> {
  const message = `Some resources are remaining: ${left.join(', ')}`;
  const known = namespace.status?.conditions?.find(
    (condition) => condition.type === 'NamespaceContentRemaining',
  );
  if (known?.message === message) return;
  const conditions = withCondition(namespace.status?.conditions, {
    type: 'NamespaceContentRemaining',
    status: 'True',
    reason: 'SomeResourcesRemain',
    message,
    lastTransitionTime: timestamp(clock.now()),
  });
  const {name} = namespace.metadata;
  await client.patch(
    namespaces,
    {name, subresource: 'status'},
    {type: 'merge', body: {status: {conditions}}},
  );
}

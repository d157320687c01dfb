import {isAlreadyExists, isForbidden, isNotFound} from '../../edges/kube/errors.ts';
import type {Queue} from '../../lib/control/queue.ts';
import type {Decision} from '../../lib/control/reconcile.ts';
import type {ConfigMap, Namespace, ServiceAccount} from '../../lib/kubernetes.ts';
import {configMaps, serviceAccounts} from '../../lib/resources.ts';
import {type Context, runController} from './controller.ts';

export type PublishSeen = {
  readonly namespace: Namespace;
  readonly account: ServiceAccount | undefined;
  readonly rootCa: ConfigMap | undefined;
  readonly caPem: string;
};

export type PublishAct =
  | {readonly type: 'account'; readonly namespace: string}
  | {readonly type: 'createCa'; readonly namespace: string; readonly data: Record<string, string>}
  | {readonly type: 'updateCa'; readonly rootCa: ConfigMap; readonly data: Record<string, string>};

const about =
  'Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.';
const caName = 'kube-root-ca.crt';

/** What every namespace has from its first moment: its default account, and the authority that its pods trust. */
export function decidePublish({namespace, account, rootCa, caPem}: PublishSeen): Decision<PublishAct> {
  if (namespace.metadata.deletionTimestamp !== undefined) return {acts: []};
  const {name} = namespace.metadata;
  const acts: PublishAct[] = [];
  const data = {'ca.crt': caPem};
  if (rootCa === undefined) acts.push({type: 'createCa', namespace: name, data});
  else if (rootCa.data?.['ca.crt'] !== caPem) acts.push({type: 'updateCa', rootCa, data});
  if (account === undefined) acts.push({type: 'account', namespace: name});
  return {acts};
}

export function startPublishers(context: Context): Queue {
  const {caches, ca} = context;
  const queue = runController<PublishSeen, PublishAct>(context, {
    name: 'publishers',
    observe: (name) => {
      const namespace = caches.namespaces.get(name);
      if (namespace === undefined) return undefined;
      const account = caches.defaultAccounts.get(`${name}/default`);
      return {namespace, account, rootCa: caches.rootCas.get(`${name}/${caName}`), caPem: ca.cert};
    },
    decide: decidePublish,
    apply: async (act) => await apply(context, act),
  });
  caches.namespaces.listen((now) => {
    if (now !== undefined) queue.enqueue(now.metadata.name);
  });
  const own = (
    now: {metadata: {namespace: string}} | undefined,
    before: {metadata: {namespace: string}} | undefined,
  ) => {
    const object = now ?? before;
    if (object !== undefined) queue.enqueue(object.metadata.namespace);
  };
  caches.defaultAccounts.listen(own);
  caches.rootCas.listen(own);
  return queue;
}

async function apply({client, caches}: Context, act: PublishAct): Promise<void> {
  const annotations = {'kubernetes.io/description': about};
  try {
    switch (act.type) {
      case 'account': {
        const {namespace} = act;
        return await caches.defaultAccounts.shows(
          await client.create(serviceAccounts, {metadata: {name: 'default', namespace}}, {namespace}),
        );
      }
      case 'createCa': {
        const {namespace, data} = act;
        const metadata = {name: caName, namespace, annotations};
        return await caches.rootCas.shows(await client.create(configMaps, {metadata, data}, {namespace}));
      }
      case 'updateCa':
        return await caches.rootCas.shows(await client.update(configMaps, {...act.rootCa, data: act.data}));
    }
  } catch (error) {
    // The namespace went in between, or somebody else was first: either way there is nothing to do.
    if (!isAlreadyExists(error) && !isNotFound(error) && !isForbidden(error)) throw error;
  }
}

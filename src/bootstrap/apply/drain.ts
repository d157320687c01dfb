import {clusterIdentity} from '../../config/cluster-info.ts';
import {kubeletPaths} from '../../config/kubelet-files.ts';
import type {Layout} from '../../config/layout.ts';
import {realClock, sleep} from '../../edges/clock.ts';
import {readText} from '../../edges/files/files.ts';
import type {KubeClient} from '../../edges/kube/client.ts';
import {loadKubeconfig} from '../../edges/kube/connection.ts';
import {connectKube} from '../../edges/kube/http-client.ts';
import {describeError} from '../../lib/errors.ts';
import type {Pod} from '../../lib/kubernetes.ts';
import {nodes, pods} from '../../lib/resources.ts';
import {timestamp} from '../../lib/time.ts';
import {readCertificate} from './certificate.ts';

const patienceMs = 20_000;

/** On a node that a reset has cordoned, and nobody else. */
const cordonedByReset = 'nodectl.dev/cordoned-by-reset';

type Steps = {readonly onStep: (text: string) => void; readonly signal: AbortSignal};

/**
 * Cordons the node and evicts its pods with the node's own identity, which may do both for itself. Only an attempt:
 * without an API server, or against a disruption budget, the reset goes on all the same.
 */
export async function drain(layout: Layout, deps: Steps): Promise<void> {
  await attempt(layout, deps, 'cordon and drain', async (client, nodeName, signal) => {
    const times = {signal, timeoutMs: 5000};
    const {spec} = await client.get(nodes, {name: nodeName}, times);
    const body = {metadata: {annotations: {[cordonedByReset]: 'true'}}, spec: {unschedulable: true}};
    if (spec?.unschedulable !== true)
      await client.patch(nodes, {name: nodeName}, {type: 'merge', body}, times);
    await evictAll(client, nodeName, signal);
  });
}

/**
 * Says that the node is gone; otherwise it seems Ready until its lease has run out, and cannot join again before. From
 * now on no pod is placed there, and a machine that joins under the same name again shall get some: our cordon goes.
 */
export async function retire(layout: Layout, deps: Steps): Promise<void> {
  await attempt(layout, deps, 'report the end of', async (client, name, signal) => {
    const at = timestamp(realClock.now());
    const condition = {
      type: 'Ready',
      status: 'False',
      reason: 'NodeReset',
      message: 'nodectl reset has taken this machine out of the cluster',
      lastHeartbeatTime: at,
      lastTransitionTime: at,
    };
    const patch = {type: 'strategic', body: {status: {conditions: [condition]}}} as const;
    const times = {signal, timeoutMs: 5000};
    const {metadata} = await client.patch(nodes, {name, subresource: 'status'}, patch, times);
    const body = {metadata: {annotations: {[cordonedByReset]: null}}, spec: {unschedulable: null}};
    if (metadata.annotations?.[cordonedByReset] !== undefined)
      await client.patch(nodes, {name}, {type: 'merge', body}, times);
  });
}

async function attempt(
  layout: Layout,
  deps: Steps,
  what: string,
  act: (client: KubeClient, nodeName: string, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const nodeName = await ownName(layout);
  const connection = await loadKubeconfig(kubeletPaths({layout}).kubeconfig).catch(() => undefined);
  if (nodeName === undefined || connection === undefined) return;
  const client = connectKube(connection);
  try {
    deps.onStep(`${what} node ${nodeName}`);
    await act(client, nodeName, AbortSignal.any([deps.signal, AbortSignal.timeout(patienceMs)]));
  } catch (error) {
    deps.signal.throwIfAborted();
    deps.onStep(`  not done: ${describeError(error)}`);
  } finally {
    await client.close();
  }
}

async function evictAll(client: KubeClient, nodeName: string, signal: AbortSignal): Promise<void> {
  const list = () => client.list(pods, {fieldSelector: `spec.nodeName=${nodeName}`}, {signal});
  for (const pod of (await list()).items.filter(isEvictable)) {
    const {name, namespace} = pod.metadata;
    const eviction = {apiVersion: 'policy/v1', kind: 'Eviction', metadata: {name, namespace}};
    // A budget says no: the pod ends with the node instead.
    await client
      .create(pods, eviction, {name, namespace, subresource: 'eviction'}, {signal})
      .catch(() => undefined);
  }
  while ((await list()).items.some(isEvictable)) await sleep(500, signal);
}

/** Pods of DaemonSets come back, and mirrors of static pods follow their files. */
function isEvictable(pod: Pod): boolean {
  const owners = pod.metadata.ownerReferences ?? [];
  const mirror = pod.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined;
  const over = pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
  return !mirror && !over && !owners.some(({kind}) => kind === 'DaemonSet');
}

/** As the node's certificate has it. */
export async function ownName(layout: Layout): Promise<string | undefined> {
  const paths = kubeletPaths({layout});
  const [kubeconfig, pem] = await Promise.all([
    readText(paths.kubeconfig),
    readText(paths.currentCertificate),
  ]);
  const ca = kubeconfig === undefined ? undefined : clusterIdentity(kubeconfig)?.ca;
  return ca === undefined || pem === undefined ? undefined : readCertificate(pem, ca)?.nodeName;
}

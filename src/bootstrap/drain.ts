import {clusterIdentity} from '../config/cluster-info.ts';
import {kubeletPaths} from '../config/kubelet-files.ts';
import type {Layout} from '../config/layout.ts';
import {sleep} from '../edges/clock.ts';
import {readText} from '../edges/files.ts';
import type {KubeClient} from '../edges/kube/client.ts';
import {loadKubeconfig} from '../edges/kube/connection.ts';
import {connectKube} from '../edges/kube/http-client.ts';
import type {Pod} from '../lib/kubernetes.ts';
import {nodes, pods} from '../lib/resources.ts';
import {readCertificate} from './certificate.ts';

const patienceMs = 20_000;

/**
 * Cordons the node and evicts its pods with the node's own identity, which may do both for itself. Only an attempt:
 * without an API server, or against a disruption budget, the reset goes on all the same.
 */
export async function drain(
  layout: Layout,
  deps: {readonly onStep: (text: string) => void; readonly signal: AbortSignal},
): Promise<void> {
  const nodeName = await ownName(layout);
  if (nodeName === undefined) return;
  const connection = await loadKubeconfig(kubeletPaths({layout}).kubeconfig).catch(() => undefined);
  if (connection === undefined) return;
  const client = connectKube(connection);
  const signal = AbortSignal.any([deps.signal, AbortSignal.timeout(patienceMs)]);
  try {
    deps.onStep(`cordon and drain node ${nodeName}`);
    const options = {signal, timeoutMs: 5000};
    await client.patch(
      nodes,
      {name: nodeName},
      {type: 'merge', body: {spec: {unschedulable: true}}},
      options,
    );
    await evictAll(client, nodeName, signal);
  } catch {
    deps.onStep('the API server did not take part in draining');
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

async function ownName(layout: Layout): Promise<string | undefined> {
  const paths = kubeletPaths({layout});
  const [kubeconfig, pem] = await Promise.all([
    readText(paths.kubeconfig),
    readText(paths.currentCertificate),
  ]);
  const ca = kubeconfig === undefined ? undefined : clusterIdentity(kubeconfig)?.ca;
  return ca === undefined || pem === undefined ? undefined : readCertificate(pem, ca)?.nodeName;
}

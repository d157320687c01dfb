import {X509Certificate} from 'node:crypto';
import type {KubeletConfig} from '../../config/kubelet.ts';
import {withDeadline} from '../../edges/deadline.ts';
import type {KubeClient} from '../../edges/kube/client.ts';
import type {KubeConnection} from '../../edges/kube/connection.ts';
import {ApiError, isNotFound} from '../../edges/kube/errors.ts';
import {connectKube, type KubeConnectionClient} from '../../edges/kube/http-client.ts';
import {transportTimes} from '../../edges/kube/transport.ts';
import {addressesOf} from '../../edges/trust/discovery.ts';
import {certificateSigningRequests, leases, nodes, pods, services} from '../../lib/resources.ts';
import type {Sight, Told} from './context.ts';
import {once} from './sight-once.ts';

/** What the API tells the node itself: with its own certificate, which may read its own objects and no other's. */
export function apiSight(
  connection: () => Promise<KubeConnection>,
  kubeletConfig: () => Promise<KubeletConfig>,
  signal: AbortSignal,
): Pick<Sight, 'node' | 'lease' | 'pods' | 'kubernetesService' | 'servingRequests' | 'close'> {
  let opened: KubeConnectionClient | undefined;
  const client = once(async () => {
    const known = await connection();
    // Node's own look-up of a name that dead DNS servers should know would hold the end of this process for ten seconds.
    const {hostname, host} = new URL(known.server);
    if ((await addressesOf(hostname, 1500)).length === 0) throw new Error(`${host} has no address`);
    opened = connectKube(known, {...transportTimes, connectMs: 2500});
    return opened;
  });
  const name = once(async () => nodeNameOf(await connection()) ?? (await kubeletConfig()).nodeName);
  const options = {timeoutMs: 2800, signal};
  const ask = <T>(question: (client: KubeClient, node: string) => Promise<T>) =>
    once(async (): Promise<Told<T>> => {
      try {
        return {kind: 'there', object: await question(await client(), await name())};
      } catch (error) {
        if (isNotFound(error)) return {kind: 'missing'};
        if (error instanceof ApiError)
          return {kind: 'refused', httpCode: error.httpCode, message: error.message};
        throw error;
      }
    });
  return {
    node: ask((api, node) => api.get(nodes, {name: node}, options)),
    lease: ask((api, node) => api.get(leases, {namespace: 'kube-node-lease', name: node}, options)),
    pods: ask(async (api, node) => {
      const query = {fieldSelector: `spec.nodeName=${node}`, resourceVersion: '0'};
      return (await api.list(pods, query, options)).items;
    }),
    kubernetesService: ask((api) => api.get(services, {namespace: 'default', name: 'kubernetes'}, options)),
    servingRequests: ask(async (api, node) => {
      const query = {fieldSelector: 'spec.signerName=kubernetes.io/kubelet-serving', limit: 500};
      const {items} = await api.list(certificateSigningRequests, query, options);
      return items.filter(
        ({spec, status}) =>
          spec.username === `system:node:${node}` &&
          status?.certificate === undefined &&
          (status?.conditions ?? []).length === 0,
      );
    }),
    // A connection that is still being made would be waited for.
    close: () =>
      withDeadline(200, new AbortController().signal, async () => opened?.close()).catch(() => undefined),
  };
}

/** The name that the cluster knows this machine by is the one in its certificate. */
export function nodeNameOf({credentials}: KubeConnection): string | undefined {
  if (credentials.kind !== 'certificate') return undefined;
  return /^CN=system:node:(.+)$/m.exec(new X509Certificate(credentials.cert).subject)?.[1];
}

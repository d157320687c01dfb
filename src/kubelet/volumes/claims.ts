import type {KubeClient} from '../../edges/kube/client.ts';
import {persistentVolumeClaims, persistentVolumes} from '../../lib/resources.ts';
import type {ClaimSource} from './types.ts';

const timeoutMs = 10_000;

/** The node authorizer lets a node `get` the claims of its pods and what they are bound to; nothing can be watched. */
export function apiClaims(client: KubeClient): ClaimSource {
  const options = (signal: AbortSignal | undefined) => ({
    timeoutMs,
    ...(signal === undefined ? {} : {signal}),
  });
  return {
    claim: (namespace, name, signal) =>
      client.get(persistentVolumeClaims, {namespace, name}, options(signal)),
    volume: (name, signal) => client.get(persistentVolumes, {name}, options(signal)),
  };
}

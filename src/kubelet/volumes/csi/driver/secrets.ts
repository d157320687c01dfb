import type {KubeClient} from '../../../../edges/kube/client.ts';
import {describeError} from '../../../../lib/errors.ts';
import {secrets} from '../../../../lib/resources.ts';
import type {SecretReference} from '../volume/source.ts';

const timeoutMs = 10_000;

/**
 * What a driver needs to open a volume; read each time, so that a driver always gets what is true now.
 * @throws in Kubernetes' words
 */
export async function secretWords(
  client: KubeClient,
  reference: SecretReference | undefined,
  field: string,
  signal: AbortSignal | undefined,
): Promise<Record<string, string>> {
  if (reference === undefined) return {};
  const {namespace, name} = reference;
  try {
    const options = signal === undefined ? {timeoutMs} : {timeoutMs, signal};
    const {data = {}} = await client.get(secrets, {namespace, name}, options);
    return Object.fromEntries(
      Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
    );
  } catch (error) {
    signal?.throwIfAborted();
    throw new Error(
      `fetching ${field} ${namespace}/${name} failed: kubernetes.io/csi: failed to find the secret ${name} in the namespace ${namespace} with error: ${describeError(error)}`,
    );
  }
}

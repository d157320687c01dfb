import {createHash, createPrivateKey, X509Certificate} from 'node:crypto';
import {readText} from '../../edges/files/files.ts';
import type {KubeClient} from '../../edges/kube/client.ts';
import {isAlreadyExists, isNotFound} from '../../edges/kube/errors.ts';
import {connectKube} from '../../edges/kube/http-client.ts';
import {createCsr, publicKeyOf} from '../../edges/trust/x509.ts';
import {NodectlError} from '../../lib/errors.ts';
import type {CertificateSigningRequest} from '../../lib/kubernetes.ts';
import {certificateSigningRequests} from '../../lib/resources.ts';
import type {Facts} from '../phase.ts';
import type {Act} from './acts.ts';

const signerName = 'kubernetes.io/kube-apiserver-client-kubelet';

/** The name follows from the key and the node: the same key never makes a second request. */
export function requestName(privateKey: string, nodeName: string): string {
  const digest = createHash('sha256').update(publicKeyOf(privateKey)).update(`system:node:${nodeName}`);
  return `node-csr-${digest.digest('hex').slice(0, 40)}`;
}

/** The cached key; undefined when there is none, or when what lies there is none, as for client-go's bootstrap. */
export function usableKey(pem: string | undefined): string | undefined {
  try {
    return pem === undefined || publicKeyOf(pem) === '' ? undefined : pem;
  } catch {
    return undefined;
  }
}

/** @throws NodectlError ND419 when somebody took it away meanwhile */
export async function readKey(path: string): Promise<string> {
  const key = usableKey(await readText(path));
  if (key === undefined) throw new NodectlError('ND419', `${path} is gone, or holds no key`);
  return key;
}

/** As the kubelet's certificate store names them. */
export function certificateFileName(now: Date): string {
  const stamp = now.toISOString().slice(0, 19).replaceAll(/[T:]/g, '-');
  return `kubelet-client-${stamp}.pem`;
}

/** With the bootstrap credentials: they may create, get and watch requests, and little else. */
export async function asBootstrapper<T>(facts: Facts, use: (client: KubeClient) => Promise<T>): Promise<T> {
  const {server, ca} = facts.cluster;
  const client = connectKube({server, ca, credentials: facts.options.bootstrap});
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

export async function readRequest(
  facts: Facts,
  name: string,
): Promise<CertificateSigningRequest | undefined> {
  return asBootstrapper(facts, async (client) => {
    try {
      return await client.get(certificateSigningRequests, {name});
    } catch (error) {
      if (isNotFound(error)) return undefined;
      throw error;
    }
  });
}

/** O exactly system:nodes, CN system:node:NAME, no alternative names; usages of a key that is not RSA. */
export async function submitRequest(
  {name, keyPath}: Extract<Act, {kind: 'request'}>,
  facts: Facts,
  signal: AbortSignal,
): Promise<void> {
  const key = await readKey(keyPath);
  const commonName = `system:node:${facts.options.nodeName}`;
  const csr = await createCsr({key, commonName, organizations: ['system:nodes']});
  const spec = {
    request: Buffer.from(csr).toString('base64'),
    signerName,
    usages: ['digital signature', 'client auth'],
  };
  await asBootstrapper(facts, async (client) => {
    try {
      await client.create(certificateSigningRequests, {metadata: {name}, spec}, {}, {signal});
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  });
}

/** Whose certificate a file holds, and whether it can be used now against this cluster. */
export type Certificate = {
  readonly nodeName: string | undefined;
  readonly notAfterMs: number;
  readonly byCluster: boolean;
};

export function readCertificate(pem: string, ca: string): Certificate | undefined {
  try {
    const certificate = new X509Certificate(pem);
    const authorities = ca.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
    return {
      nodeName: /^CN=system:node:(.+)$/m.exec(certificate.subject)?.[1],
      notAfterMs: Date.parse(certificate.validTo),
      byCluster: authorities.some((block) => certificate.verify(new X509Certificate(block).publicKey)),
    };
  } catch {
    return undefined;
  }
}

/** Whether a file holds the certificate of this very key. */
export function certifies(pem: string, privateKey: string): boolean {
  try {
    return new X509Certificate(pem).checkPrivateKey(createPrivateKey(privateKey));
  } catch {
    return false;
  }
}

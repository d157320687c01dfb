import {createHash} from 'node:crypto';
import {pause} from '../../edges/clock.ts';
import type {KubeClient} from '../../edges/kube/client.ts';
import {isAlreadyExists} from '../../edges/kube/errors.ts';
import {createCsr, type KeyUsage, type Names, publicKeyOf} from '../../edges/trust/x509.ts';
import {NodectlError} from '../../lib/errors.ts';
import type {CertificateSigningRequest} from '../../lib/kubernetes.ts';
import {certificateSigningRequests} from '../../lib/resources.ts';
import type {Clock} from '../../lib/time.ts';

export type SigningRequest = Names & {
  readonly key: string;
  readonly signerName: string;
  /** A key that is not RSA enciphers no other key: `key encipherment` must not be asked for. */
  readonly usages: readonly KeyUsage[];
};

/**
 * The name follows from what is asked, so that the same key never makes a second request for the same names
 * (bootstrap digestedName).
 */
export function requestName({
  key,
  commonName,
  organizations = [],
  dnsNames = [],
  ipAddresses = [],
  usages,
  signerName,
}: SigningRequest): string {
  const hash = createHash('sha256');
  const names = [...organizations, ...dnsNames, ...ipAddresses];
  for (const part of [publicKeyOf(key), commonName, ...names, ...usages, signerName])
    hash.update(Buffer.from(part).toString('base64url')).update('|');
  const prefix = signerName.endsWith('kube-apiserver-client-kubelet') ? 'node-csr' : 'csr';
  return `${prefix}-${hash.digest('hex').slice(0, 40)}`;
}

export type RequestState =
  | {readonly state: 'issued'; readonly certificate: string}
  | {readonly state: 'refused'; readonly message: string}
  | {readonly state: 'pending'};

/** What has become of a request. Failed and Denied are final, a certificate may come later than the approval. */
export function requestState({status}: CertificateSigningRequest): RequestState {
  const refused = status?.conditions?.find(({type}) => type === 'Denied' || type === 'Failed');
  if (refused !== undefined)
    return {
      state: 'refused',
      message: `${refused.type}: ${refused.reason ?? ''} ${refused.message ?? ''}`.trim(),
    };
  const encoded = status?.certificate ?? '';
  if (encoded === '') return {state: 'pending'};
  return {state: 'issued', certificate: Buffer.from(encoded, 'base64').toString('utf8')};
}

export type RequestOptions = {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Called once, when somebody has to approve. */
  readonly onPending?: (name: string) => void;
};

const watchSeconds = 300;
const retryMs = 2_000;

/**
 * Asks the cluster for a certificate and waits until it is issued, however long that takes; the wait survives broken
 * watches, and a request that was collected meanwhile is made again.
 * @throws NodectlError ND723 when it is denied or fails
 */
export async function requestCertificate(request: SigningRequest, options: RequestOptions): Promise<string> {
  const {client, clock, signal, onPending} = options;
  const name = requestName(request);
  const csr = await createCsr(request);
  const spec = {
    request: Buffer.from(csr).toString('base64'),
    signerName: request.signerName,
    usages: [...request.usages],
  };
  for (let told = false; ; told = true) {
    signal.throwIfAborted();
    try {
      await client.create(certificateSigningRequests, {metadata: {name}, spec}, {}, {signal});
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
    if (!told) onPending?.(name);
    const certificate = await waitIssued(name, options);
    if (certificate !== undefined) return certificate;
    await pause(clock, retryMs, signal);
  }
}

/** Undefined: the request is gone, or the watch ended; both mean to look again. */
async function waitIssued(name: string, {client, signal}: RequestOptions): Promise<string | undefined> {
  const fieldSelector = `metadata.name=${name}`;
  const list = await client.list(certificateSigningRequests, {fieldSelector}, {signal});
  const [known] = list.items;
  if (known === undefined) return undefined;
  const done = issued(known, name);
  if (done !== undefined) return done;
  const query = {fieldSelector, resourceVersion: list.resourceVersion, timeoutSeconds: watchSeconds};
  for await (const event of client.watch(certificateSigningRequests, query, signal)) {
    if (event.type === 'BOOKMARK') continue;
    if (event.type === 'ERROR' || event.type === 'DELETED') return undefined;
    const certificate = issued(event.object, name);
    if (certificate !== undefined) return certificate;
  }
  return undefined;
}

function issued(request: CertificateSigningRequest, name: string): string | undefined {
  const found = requestState(request);
  if (found.state === 'refused')
    throw new NodectlError('ND723', `the certificate request ${name} was refused: ${found.message}`);
  return found.state === 'issued' ? found.certificate : undefined;
}

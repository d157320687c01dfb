import {dirname} from 'node:path';
import {kubeconfigText} from '../../config/kubeconfig.ts';
import type {KubeletConfig} from '../../config/kubelet.ts';
import {pause} from '../../edges/clock.ts';
import {exists, makeDirectory, writeAtomic} from '../../edges/files/files.ts';
import {type KubeConnection, loadKubeconfig} from '../../edges/kube/connection.ts';
import {isForbidden, isUnauthorized} from '../../edges/kube/errors.ts';
import {connectKube} from '../../edges/kube/http-client.ts';
import {type CertificateStore, openCertificateStore} from '../../edges/trust/certificate-store.ts';
import {Backoff} from '../../lib/control/backoff.ts';
import {describeError, isNodectlError, NodectlError} from '../../lib/errors.ts';
import type {Logger} from '../../lib/log.ts';
import type {Clock} from '../../lib/time.ts';
import {requestCertificate} from './request.ts';
import {clientSigner} from './rotation.ts';
import {leafFacts, satisfies} from './validity.ts';

export type CredentialOptions = {
  readonly config: KubeletConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
};

export const clientUsages = ['digital signature', 'client auth'] as const;

export function nodeNames(nodeName: string): {commonName: string; organizations: readonly string[]} {
  return {commonName: `system:node:${nodeName}`, organizations: ['system:nodes']};
}

export function clientStore(config: KubeletConfig): CertificateStore {
  return openCertificateStore(config.certDir, 'kubelet-client');
}

/**
 * How this node reaches its API server: by its kubeconfig while that is valid, else by a certificate that is asked for
 * with the bootstrap kubeconfig. Undefined: there is no API server, only static pods.
 * @throws NodectlError ND722 when neither can be used
 */
export async function nodeConnection(options: CredentialOptions): Promise<KubeConnection | undefined> {
  const {config, clock, log} = options;
  if (config.kubeconfig === '') return undefined;
  const found = await fromStore(options, await usable(config.kubeconfig, clock.now()));
  if (found.problem === undefined) return found.connection;
  const {problem} = found;
  if (config.bootstrapKubeconfig === '' || !(await exists(config.bootstrapKubeconfig)))
    throw new NodectlError('ND722', `${problem}, and there is no bootstrap kubeconfig`);
  log.info('asking the cluster for a client certificate', {because: problem});
  return bootstrap(options);
}

/** A connection beside a problem is one whose certificate has expired. */
type Found =
  | {readonly connection: KubeConnection; readonly problem?: undefined}
  | {readonly connection?: KubeConnection; readonly problem: string};

/** The connection of a kubeconfig, or why it cannot be used. */
async function usable(path: string, nowMs: number): Promise<Found> {
  if (!(await exists(path))) return {problem: `the kubeconfig ${path} does not exist`};
  try {
    const connection = await loadKubeconfig(path);
    const {credentials} = connection;
    if (credentials.kind !== 'certificate') return {connection};
    const facts = leafFacts(credentials);
    if (facts === undefined) return {problem: `the client certificate of ${path} cannot be read`};
    if (nowMs < facts.notAfterMs) return {connection};
    return {
      connection,
      problem: `the client certificate of ${path} expired at ${new Date(facts.notAfterMs).toISOString()}`,
    };
  } catch (error) {
    // A certificate file that never came: as good as no kubeconfig.
    return {problem: describeError(error)};
  }
}

/**
 * What the store has counts before the kubeconfig while it is valid, for that is what was renewed; a certificate that
 * the kubeconfig itself holds (kubeadm on a control-plane node, clouds) goes into a store that has none, to which
 * `kubeadm init` then points the kubeconfig (certificate_manager.go, getCurrentCertificateOrBootstrap).
 */
async function fromStore({config, clock}: CredentialOptions, found: Found): Promise<Found> {
  const {connection, problem} = found;
  if (connection?.credentials.kind !== 'certificate' || !config.rotateCertificates) return found;
  const {credentials} = connection;
  const store = clientStore(config);
  const stored = await store.current();
  const facts = stored && leafFacts(stored);
  const valid =
    facts !== undefined && clock.now() < facts.notAfterMs && satisfies(facts, nodeNames(config.nodeName));
  if (stored !== undefined && valid) {
    const same = stored.key.trim() === credentials.key.trim();
    return same ? found : {connection: {...connection, credentials: {kind: 'certificate', ...stored}}};
  }
  if (credentials.embedded === true && problem === undefined)
    await store.update(credentials, new Date(clock.now()));
  return found;
}

const backoffOptions = {firstMs: 1_000, maxMs: 30_000};

/** Asks until the answer is final: an API server that is not there yet is waited for. */
async function bootstrap(options: CredentialOptions): Promise<KubeConnection> {
  const {config, clock, log, signal} = options;
  const backoff = new Backoff(backoffOptions);
  const start = await loadKubeconfig(config.bootstrapKubeconfig);
  // The first certificate would be taken from whoever answers.
  if (start.insecure === true)
    throw new NodectlError(
      'ND722',
      `${config.bootstrapKubeconfig} turns off the verification of the API server`,
    );
  for (;;) {
    signal.throwIfAborted();
    try {
      await issueFirst(start, options);
      break;
    } catch (error) {
      if (signal.aborted || isNodectlError(error, 'ND723')) throw error;
      if (isUnauthorized(error) || isForbidden(error)) throw refused(config.bootstrapKubeconfig, error);
      const retryInMs = backoff.fail('', clock.monotonic());
      log.warn('the client certificate could not be requested', {error: describeError(error), retryInMs});
      await pause(clock, retryInMs, signal);
    }
  }
  await makeDirectory(dirname(config.kubeconfig));
  const pem = clientStore(config).currentPath;
  const {server, ca: caData, serverName} = start;
  const text = kubeconfigText({
    server,
    caData,
    serverName,
    certFile: pem,
    keyFile: pem,
    namespace: 'default',
  });
  await writeAtomic(config.kubeconfig, text, 0o600);
  return loadKubeconfig(config.kubeconfig);
}

function refused(path: string, cause: unknown): NodectlError {
  return new NodectlError(
    'ND722',
    `the API server does not accept the token of ${path}: it may have expired`,
    {cause},
  );
}

async function issueFirst(
  start: KubeConnection,
  {config, clock, log, signal}: CredentialOptions,
): Promise<void> {
  const store = clientStore(config);
  const client = connectKube(start);
  try {
    const request = {...nodeNames(config.nodeName), key: await store.pendingKey(), signerName: clientSigner};
    const onPending = (name: string) => log.info('waiting for a client certificate', {request: name});
    const cert = await requestCertificate(
      {...request, usages: clientUsages},
      {client, clock, signal, onPending},
    );
    await store.update({cert, key: request.key}, new Date(clock.now()));
  } finally {
    await client.close();
  }
}

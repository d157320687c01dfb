import type {KubeletConfig} from '../../config/kubelet.ts';
import type {KubeClient} from '../../edges/kube/client.ts';
import type {Credentials, KubeConnection} from '../../edges/kube/connection.ts';
import {connectKube, type KubeConnectionClient} from '../../edges/kube/http-client.ts';
import {limited} from '../../edges/kube/rate-limit.ts';
import {NodectlError} from '../../lib/errors.ts';
import type {Logger} from '../../lib/log.ts';
import type {Clock} from '../../lib/time.ts';
import {clientStore, clientUsages, nodeConnection, nodeNames} from '../certificates/credentials.ts';
import {followKubeconfig} from '../certificates/follow.ts';
import {clientSigner, runRotation} from '../certificates/rotation.ts';
import {leafFacts} from '../certificates/validity.ts';
import type {CertificateMetrics} from '../stats/metrics/certificate-metrics.ts';

export type ApiAccess = {
  readonly client: KubeConnectionClient;
  /** It at no more than kubeAPIQPS: for pods, behind which neither the Node nor who may use the server waits. */
  readonly limited: KubeClient;
  /** A connection of its own, so that heartbeats never wait behind watches, events or statuses. */
  readonly heartbeats: KubeConnectionClient;
  /** Renews the client certificate until the signal aborts. */
  rotate(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
};

export type AccessOptions = {
  readonly config: KubeletConfig;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
  readonly metrics: CertificateMetrics;
  /** How long a call had to wait for its turn. */
  readonly onTurn?: (host: string, verb: string, seconds: number) => void;
};

const userAgent = 'nodectl-kubelet';

/** @throws NodectlError ND722 without usable credentials */
export async function openApiAccess(options: AccessOptions): Promise<ApiAccess> {
  const {config, clock, log, metrics} = options;
  const found = await nodeConnection(options);
  if (found === undefined) throw new NodectlError('ND722', 'no kubeconfig was given');
  let connection: KubeConnection = {...found, userAgent};
  const client = connectKube(connection);
  const heartbeats = connectKube(connection);
  const use = (next: KubeConnection) => {
    connection = {...next, userAgent};
    if (next.credentials.kind === 'certificate') metrics.inUse('client', next.credentials);
    client.replaceCredentials(connection);
    heartbeats.replaceCredentials(connection);
  };
  if (found.credentials.kind === 'certificate') metrics.inUse('client', found.credentials);
  return {
    client,
    limited: limited(client, {perSecond: config.kubeAPIQPS, burst: config.kubeAPIBurst}, clock, (...told) =>
      options.onTurn?.(URL.parse(found.server)?.host ?? '', ...told),
    ),
    heartbeats,
    async rotate(signal) {
      const {credentials} = connection;
      if (credentials.kind !== 'certificate') return;
      const replaced = (next: Credentials) => use({...connection, credentials: next});
      if (!config.rotateCertificates) return followKubeconfig(options, credentials, replaced, signal);
      await runRotation(
        {
          store: clientStore(config),
          client,
          clock,
          log,
          signerName: clientSigner,
          usages: clientUsages,
          names: () => nodeNames(config.nodeName),
          initial: credentials,
          forced: credentials.embedded === true,
          onIssued: (pair) => replaced({kind: 'certificate', ...pair}),
          // Once it has expired, only the bootstrap kubeconfig can help; without one the error says so.
          rejoin: async () => {
            if (!hasExpired(connection, clock.now())) return false;
            const renewed = await nodeConnection({...options, signal});
            if (renewed !== undefined) use(renewed);
            return renewed !== undefined;
          },
          onFailed: () => metrics.failed('client'),
        },
        signal,
      );
    },
    async close() {
      await Promise.all([client.close(), heartbeats.close()]);
    },
  };
}

function hasExpired({credentials}: KubeConnection, nowMs: number): boolean {
  const facts = credentials.kind === 'certificate' ? leafFacts(credentials) : undefined;
  return facts !== undefined && nowMs >= facts.notAfterMs;
}

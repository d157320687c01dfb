import type {KubeClient} from '../../../edges/kube/client.ts';
import {isNotFound} from '../../../edges/kube/errors.ts';
import {type Reflector, startReflector} from '../../../edges/kube/watch/reflector.ts';
import type {ClusterTrustBundle, Volume} from '../../../lib/kubernetes.ts';
import {matchesSelector} from '../../../lib/labels.ts';
import type {Logger} from '../../../lib/log.ts';
import {clusterTrustBundles} from '../../../lib/resources.ts';
import type {Clock} from '../../../lib/time.ts';

type ProjectedSource = NonNullable<NonNullable<Volume['projected']>['sources']>[number];
export type TrustWish = NonNullable<ProjectedSource['clusterTrustBundle']>;

/** The cluster's trust bundles, for pods that ask for them. */
export type TrustBundles = {
  /** Certificates as PEM. @throws where there are none, unless that is allowed */
  anchors(wish: TrustWish): Promise<string>;
  stop(): Promise<void>;
};

export type TrustBundlesOptions = {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onChange: () => void;
};

/** Pods wait so long for the first answer; then their own back-off decides. */
const firstAnswerMs = 10_000;
const checkMs = 50;

/** The API is off by default: it is asked for the first time when a pod wants something of it. */
export function lazyTrustBundles({onChange, ...options}: TrustBundlesOptions): TrustBundles {
  let reflector: Reflector<ClusterTrustBundle> | undefined;
  return {
    async anchors(wish) {
      reflector ??= startReflector<ClusterTrustBundle>({
        ...options,
        resource: clusterTrustBundles,
        onEvent: () => {
          if (reflector?.hasSynced() === true) onChange();
        },
      });
      await firstAnswer(reflector, options.clock);
      return trustAnchors([...reflector.store.values()], wish);
    },
    async stop() {
      await reflector?.stop();
    },
  };
}

async function firstAnswer(reflector: Reflector<ClusterTrustBundle>, clock: Clock): Promise<void> {
  const endMs = clock.monotonic() + firstAnswerMs;
  while (!reflector.hasSynced()) {
    const cause = reflector.lastError();
    if (cause !== undefined && isNotFound(cause))
      throw new Error('ClusterTrustBundle projection is not available: the API server does not serve them', {
        cause,
      });
    if (clock.monotonic() >= endMs)
      throw new Error('the ClusterTrustBundles of the cluster could not be read', {cause});
    await Promise.race([
      reflector.synced,
      new Promise<void>((resolve) => void clock.after(checkMs, resolve)),
    ]);
  }
}

/** pkg/kubelet/clustertrustbundle: each certificate once, without whatever stands between them. */
export function trustAnchors(bundles: readonly ClusterTrustBundle[], wish: TrustWish): string {
  const found = chosen(bundles, wish);
  if (found.length === 0 && wish.optional !== true)
    throw new Error(
      wish.name === undefined
        ? 'combination of signerName and labelSelector matched zero ClusterTrustBundles'
        : `while getting ClusterTrustBundle: clustertrustbundle.certificates.k8s.io "${wish.name}" not found`,
    );
  const blocks = found.flatMap(({spec}) => certificatesIn(spec.trustBundle));
  return [...new Set(blocks)].sort().map(pemOf).join('');
}

function chosen(bundles: readonly ClusterTrustBundle[], wish: TrustWish): readonly ClusterTrustBundle[] {
  const {name, signerName, labelSelector} = wish;
  if (name !== undefined) return bundles.filter(({metadata}) => metadata.name === name);
  if (signerName === undefined)
    throw new Error('ClusterTrustBundle projection requires either name or signerName to be set');
  return bundles.filter(
    ({spec, metadata}) =>
      spec.signerName === signerName && matchesSelector(labelSelector, metadata.labels ?? {}),
  );
}

/** The base64 of each block. */
function certificatesIn(pem: string): string[] {
  const blocks = pem.matchAll(/-----BEGIN CERTIFICATE-----([\sA-Za-z0-9+/=]+)-----END CERTIFICATE-----/g);
  return [...blocks].map(([, body = '']) => body.replace(/\s/g, ''));
}

function pemOf(base64: string): string {
  const lines = base64.match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

/** Whether a volume shows trust bundles. */
export function showsTrust({projected}: Volume): boolean {
  return (projected?.sources ?? []).some(({clusterTrustBundle}) => clusterTrustBundle !== undefined);
}

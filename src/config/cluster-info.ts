import {createHmac, timingSafeEqual, X509Certificate} from 'node:crypto';
import {parse} from 'yaml';
import type {BootstrapToken} from './join.ts';

/** kube-public/cluster-info: how a cluster introduces itself to strangers. */
export type ClusterInfo = {
  /** The exact text: signatures are over its bytes. */
  readonly kubeconfig: string;
  /** Detached JWS by token id. */
  readonly signatures: ReadonlyMap<string, string>;
};

const signaturePrefix = 'jws-kubeconfig-';

/** Undefined when the body is not such a ConfigMap. */
export function parseClusterInfo(body: string): ClusterInfo | undefined {
  const data = dataOf(body);
  const kubeconfig = data?.kubeconfig;
  if (data === undefined || kubeconfig === undefined) return undefined;
  const signatures = Object.entries(data)
    .filter(([key]) => key.startsWith(signaturePrefix))
    .map(([key, value]) => [key.slice(signaturePrefix.length), value] as const);
  return {kubeconfig, signatures: new Map(signatures)};
}

/** The data of a ConfigMap as JSON; undefined for anything else. */
export function dataOf(body: string): Record<string, string> | undefined {
  try {
    const value: unknown = JSON.parse(body);
    if (!isObject(value) || value.kind !== 'ConfigMap' || !isObject(value.data)) return undefined;
    const entries = Object.entries(value.data).flatMap(([key, text]) =>
      typeof text === 'string' ? [[key, text] as const] : [],
    );
    return Object.fromEntries(entries);
  } catch {
    return undefined;
  }
}

/**
 * Whether the token's secret signed this kubeconfig: HS256, the key id is the token's, the payload is detached
 * (RFC 7515 appendix F). Compared in constant time.
 */
export function isSigned(kubeconfig: string, jws: string, token: BootstrapToken): boolean {
  const [header = '', payload, signature = '', ...rest] = jws.split('.');
  if (payload !== '' || rest.length > 0 || !isExpectedHeader(header, token.id)) return false;
  const signed = `${header}.${Buffer.from(kubeconfig).toString('base64url')}`;
  const expected = createHmac('sha256', token.secret).update(signed).digest();
  const given = Buffer.from(signature, 'base64url');
  return given.length === expected.length && timingSafeEqual(given, expected);
}

function isExpectedHeader(header: string, id: string): boolean {
  try {
    const value: unknown = JSON.parse(Buffer.from(header, 'base64url').toString('utf8'));
    return isObject(value) && value.alg === 'HS256' && value.kid === id;
  } catch {
    return false;
  }
}

/** The cluster's address and CA certificates as its kubeconfig gives them. */
export type ClusterIdentity = {readonly server: string; readonly ca: string};

export function clusterIdentity(kubeconfig: string): ClusterIdentity | undefined {
  let value: unknown;
  try {
    value = parse(kubeconfig);
  } catch {
    return undefined;
  }
  if (!isObject(value) || !Array.isArray(value.clusters)) return undefined;
  const current = currentCluster(value);
  const cluster: unknown = isObject(current) ? current.cluster : undefined;
  if (!isObject(cluster)) return undefined;
  const {server, 'certificate-authority-data': ca} = cluster;
  if (typeof server !== 'string' || !/^https:/i.test(server) || !URL.canParse(server)) return undefined;
  if (typeof ca !== 'string') return undefined;
  return {server, ca: Buffer.from(ca, 'base64').toString('utf8')};
}

/** kubeadm's cluster-info has no context; where one is named, its cluster counts, and must be there. */
function currentCluster(config: Record<string, unknown>): unknown {
  const named = (list: unknown, name: unknown): unknown =>
    Array.isArray(list) ? list.find((item: unknown) => isObject(item) && item.name === name) : undefined;
  const wanted = config['current-context'];
  if (typeof wanted !== 'string' || wanted === '')
    return named(config.clusters, '') ?? (Array.isArray(config.clusters) ? config.clusters[0] : undefined);
  const context = named(config.contexts, wanted);
  const inner = isObject(context) ? context.context : undefined;
  return isObject(inner) ? named(config.clusters, inner.cluster) : undefined;
}

/** The certificates of a PEM bundle; what only looks like one is none. */
export function certificatesOf(bundle: string): X509Certificate[] {
  const blocks = bundle.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  return blocks.flatMap((block) => {
    try {
      return [new X509Certificate(block)];
    } catch {
      return [];
    }
  });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

import {readFile} from 'node:fs/promises';
import {dirname, resolve} from 'node:path';
import {parse} from 'yaml';
import {NodectlError} from '../../lib/errors.ts';
import {monotonicMs} from '../clock.ts';
import type {KubeConfig} from './facade.ts';

export type Credentials =
  | {readonly kind: 'anonymous'}
  /** PEM; one file may hold both, as kubelet-client-current.pem does. Embedded: the kubeconfig itself holds them. */
  | {readonly kind: 'certificate'; readonly cert: string; readonly key: string; readonly embedded?: true}
  | {readonly kind: 'token'; readonly token: string | (() => Promise<string>)};

/** How to reach an API server and as whom. */
export type KubeConnection = {
  /** https://host:port, with a path where the API lives below one. */
  readonly server: string;
  /** PEM; without it the system's roots are trusted. */
  readonly ca?: string;
  readonly insecure?: boolean;
  /** The name to verify instead of the server's host. */
  readonly serverName?: string;
  readonly credentials: Credentials;
  readonly userAgent?: string;
};

type Cluster = {
  server?: string;
  'certificate-authority'?: string;
  'certificate-authority-data'?: string;
  'insecure-skip-tls-verify'?: boolean;
  'tls-server-name'?: string;
  'proxy-url'?: string;
};
type User = {
  'client-certificate'?: string;
  'client-certificate-data'?: string;
  'client-key'?: string;
  'client-key-data'?: string;
  token?: string;
  tokenFile?: string;
  exec?: object;
  'auth-provider'?: object;
};
type Kubeconfig = {
  'current-context'?: string;
  contexts?: {name: string; context?: {cluster?: string; user?: string}}[];
  clusters?: {name: string; cluster?: Cluster}[];
  users?: {name: string; user?: User}[];
};

/** client-go reads a token file at most once a minute. */
const tokenFileMs = 60_000;
const maxKubeconfigBytes = 4 * 1024 * 1024;

/**
 * The connection of a kubeconfig's current context. Files are read now (a token file again later) and are looked
 * for beside the kubeconfig when their path is relative.
 */
export async function loadKubeconfig(path: string): Promise<KubeConnection> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw invalid(path, 'cannot be read', cause);
  });
  return connectionOf(path, parseKubeconfig(path, text));
}

/** A kubeconfig that came over the network: what it says itself counts, and nothing of this machine that it names. */
export async function inlineKubeconfig(place: string, text: string): Promise<KubeConnection> {
  const config = parseKubeconfig(place, text);
  const {cluster, user} = currentOf(config, place);
  const local = [
    cluster['certificate-authority'],
    user['client-certificate'],
    user['client-key'],
    user.tokenFile,
    user.exec,
    user['auth-provider'],
  ];
  if (local.some((named) => named !== undefined && named !== ''))
    throw invalid(place, 'names files or programs of this machine, which only a local file may');
  return connectionOf(place, config);
}

async function connectionOf(path: string, config: Kubeconfig): Promise<KubeConnection> {
  const {cluster, user} = currentOf(config, path);
  if (cluster.server === undefined) throw invalid(path, 'its cluster has no server');
  if (cluster['proxy-url'] !== undefined)
    throw invalid(path, 'its cluster has a proxy-url, which nodectl does not support');
  const directory = dirname(path);
  const file = contentReader(path, directory);
  const ca = await file(cluster['certificate-authority-data'], cluster['certificate-authority']);
  return {
    server: cluster.server,
    ...(ca === undefined ? {} : {ca}),
    ...(cluster['insecure-skip-tls-verify'] === true ? {insecure: true} : {}),
    ...(cluster['tls-server-name'] === undefined ? {} : {serverName: cluster['tls-server-name']}),
    credentials: await credentialsOf(path, directory, user, file),
  };
}

function parseKubeconfig(path: string, text: string): Kubeconfig {
  if (text.length > maxKubeconfigBytes) throw invalid(path, 'is too large');
  try {
    const value: unknown = parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch (cause) {
    throw invalid(path, 'is not YAML', cause);
  }
  throw invalid(path, 'is not a kubeconfig');
}

function currentOf(config: Kubeconfig, path: string): {cluster: Cluster; user: User} {
  const byName = <T extends {name: string}>(
    list: T[] | undefined,
    name: string | undefined,
  ): T | undefined => (Array.isArray(list) ? list.find((item) => item?.name === name) : undefined);
  const context = byName(config.contexts, config['current-context'])?.context;
  // client-go takes the cluster without a name then: so the ConfigMap cluster-info holds it, for --discovery-file.
  const unnamed = config['current-context'] ? undefined : byName(config.clusters, '')?.cluster;
  if (context === undefined && unnamed !== undefined) return {cluster: unnamed, user: {}};
  if (context === undefined) throw invalid(path, `has no context "${config['current-context'] ?? ''}"`);
  const cluster = byName(config.clusters, context.cluster)?.cluster;
  if (cluster === undefined) throw invalid(path, `has no cluster "${context.cluster ?? ''}"`);
  const named =
    context.user === undefined || context.user === '' ? {user: {}} : byName(config.users, context.user);
  if (named === undefined) throw invalid(path, `has no user "${context.user ?? ''}"`);
  return {cluster, user: named.user ?? {}};
}

type ContentReader = (data: string | undefined, file: string | undefined) => Promise<string | undefined>;

/** Inline data wins over a file, as in client-go. */
function contentReader(kubeconfig: string, directory: string): ContentReader {
  return async (data, file) => {
    if (data !== undefined && data !== '') return Buffer.from(data, 'base64').toString('utf8');
    if (file === undefined || file === '') return undefined;
    return readFile(resolve(directory, file), 'utf8').catch((cause: unknown) => {
      throw invalid(kubeconfig, `names ${file}, which cannot be read`, cause);
    });
  };
}

async function credentialsOf(
  path: string,
  directory: string,
  user: User,
  file: ContentReader,
): Promise<Credentials> {
  const cert = await file(user['client-certificate-data'], user['client-certificate']);
  const key = await file(user['client-key-data'], user['client-key']);
  const embedded = (user['client-certificate-data'] ?? '') !== '';
  if (cert !== undefined && key !== undefined)
    return {kind: 'certificate', cert, key, ...(embedded ? {embedded} : {})};
  if (cert !== undefined || key !== undefined)
    throw invalid(path, 'has a client certificate or a client key, but not both');
  if (user.tokenFile !== undefined && user.tokenFile !== '')
    return {kind: 'token', token: tokenFile(resolve(directory, user.tokenFile))};
  if (user.token !== undefined && user.token !== '') return {kind: 'token', token: user.token};
  if (user.exec !== undefined || user['auth-provider'] !== undefined) return pluginCredentials(path);
  return {kind: 'anonymous'};
}

function tokenFile(path: string): () => Promise<string> {
  let token = '';
  let readAtMs = Number.NEGATIVE_INFINITY;
  return async () => {
    if (monotonicMs() - readAtMs >= tokenFileMs) {
      token = (await readFile(path, 'utf8')).trim();
      readAtMs = monotonicMs();
    }
    return token;
  };
}

/** Exec plugins and OIDC are left to the Kubernetes client, which is loaded for them only. */
async function pluginCredentials(path: string): Promise<Credentials> {
  const {KubeConfig} = await import('./facade.ts');
  const config = new KubeConfig();
  config.loadFromFile(path);
  const first = await pluginAnswer(config);
  if (typeof first.cert === 'string' && typeof first.key === 'string')
    return {kind: 'certificate', cert: first.cert, key: first.key};
  return {
    kind: 'token',
    token: async () => {
      const {token} = await pluginAnswer(config);
      if (token === undefined) throw invalid(path, 'its credential plugin gave no token');
      return token;
    },
  };
}

async function pluginAnswer(config: KubeConfig): Promise<{cert?: unknown; key?: unknown; token?: string}> {
  const options: Parameters<KubeConfig['applyToHTTPSOptions']>[0] & {cert?: unknown; key?: unknown} = {
    headers: {},
  };
  await config.applyToHTTPSOptions(options);
  const headers = new Map(Object.entries(options.headers ?? {}));
  const authorization = String(headers.get('Authorization') ?? '');
  const token = authorization.startsWith('Bearer ') ? authorization.slice('Bearer '.length) : undefined;
  return {cert: options.cert, key: options.key, ...(token === undefined ? {} : {token})};
}

function invalid(path: string, what: string, cause?: unknown): NodectlError {
  return new NodectlError('ND303', `kubeconfig ${path} ${what}`, {cause});
}

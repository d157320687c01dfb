import {parseAddress} from '../lib/addresses.ts';
import {NodectlError} from '../lib/errors.ts';
import {hostLayout, type Layout, layoutBelow} from './layout.ts';

/** What flags, environment and files gave, as text; `joinOptions` turns it into something that can be trusted. */
export type JoinInput = {
  /** HOST:PORT, as `kubeadm token create --print-join-command` prints it. */
  readonly endpoint?: string;
  readonly token?: string;
  readonly discoveryToken?: string;
  readonly tlsBootstrapToken?: string;
  readonly caCertHashes?: readonly string[];
  readonly unsafeSkipCaVerification?: boolean;
  /** The text of --discovery-file, read by the caller. */
  readonly discoveryKubeconfig?: string;
  readonly nodeName?: string;
  /** The machine's own name, for when no node name is given. */
  readonly hostname: string;
  readonly criSocket?: string;
  readonly nodeIp?: string;
  readonly cni?: 'bridge' | 'none';
  readonly proxy?: 'nodectl' | 'none';
  /** Kubeconfig with the identity of system:node-proxier for our proxy, as text. */
  readonly proxyKubeconfig?: string;
  readonly wait?: Wait;
  readonly waitTimeoutMs?: number;
  readonly plan?: boolean;
  readonly ignorePreflightErrors?: readonly string[];
  /** A whole layout below one directory: a second node on the same machine. */
  readonly root?: string;
  readonly ports?: Partial<NodePorts>;
  /** Fields of a KubeletConfiguration that win over the cluster's. */
  readonly kubeletConfiguration?: Readonly<Record<string, unknown>>;
  readonly taints?: readonly string[];
  readonly labels?: readonly string[];
};

export type Wait = 'registered' | 'ready' | 'none';

export type NodePorts = {
  readonly kubelet: number;
  readonly kubeletHealthz: number;
  readonly proxyHealthz: number;
  readonly proxyMetrics: number;
};

export type BootstrapToken = {readonly id: string; readonly secret: string};

/** How the cluster's address and CA are learnt, and what makes them trustworthy. */
export type Discovery =
  | {
      readonly kind: 'token';
      readonly endpoint: string;
      readonly token: BootstrapToken;
      /** Lower-case hex SHA-256 of acceptable SubjectPublicKeyInfos; empty only when `unsafe`. */
      readonly pins: readonly string[];
      readonly unsafe: boolean;
    }
  | {readonly kind: 'kubeconfig'; readonly text: string};

export type JoinOptions = NodeOptions & {
  readonly discovery: Discovery;
  /** Proves this machine to the API server until it has a certificate. */
  readonly bootstrapToken: BootstrapToken | undefined;
};

/** What the node shall be, whatever the cluster. */
export type NodeOptions = {
  readonly nodeName: string;
  readonly nodeIp: string | undefined;
  readonly cni: 'bridge' | 'none';
  readonly proxy: 'nodectl' | 'none';
  readonly proxyKubeconfig: string | undefined;
  readonly wait: Wait;
  readonly waitTimeoutMs: number;
  readonly plan: boolean;
  readonly ignorePreflightErrors: readonly string[];
  readonly layout: Layout;
  /** The node is not the machine's own: nothing of the host outside its layout is made persistent. */
  readonly ownLayout: boolean;
  readonly ports: NodePorts;
  readonly kubeletConfiguration: Readonly<Record<string, unknown>>;
  readonly taints: readonly string[];
  readonly labels: readonly string[];
};

export const defaultPorts: NodePorts = {
  kubelet: 10250,
  kubeletHealthz: 10248,
  proxyHealthz: 10256,
  proxyMetrics: 10249,
};

/** @throws NodectlError ND201, ND401, ND404, ND408 or ND904 naming what is wrong; nothing was changed */
export function joinOptions(input: JoinInput): JoinOptions {
  const discovery = discoveryOf(input);
  const own = input.tlsBootstrapToken ?? input.token;
  const discoveryToken = discovery.kind === 'token' ? discovery.token : undefined;
  return {
    ...nodeOptions(input),
    discovery,
    bootstrapToken: own === undefined ? discoveryToken : parseToken(own),
  };
}

/** @throws NodectlError ND201 or ND904 */
export function nodeOptions(input: JoinInput): NodeOptions {
  const nodeName = (input.nodeName ?? input.hostname).trim().toLowerCase();
  assertNodeName(nodeName);
  const layout = input.root === undefined ? hostLayout : layoutBelow(absolute(input.root));
  return {
    nodeName,
    nodeIp: input.nodeIp === undefined ? undefined : nodeIp(input.nodeIp),
    cni: input.cni ?? 'none',
    proxy: input.proxy ?? (input.proxyKubeconfig === undefined ? 'none' : 'nodectl'),
    proxyKubeconfig: input.proxyKubeconfig,
    wait: input.wait ?? 'ready',
    waitTimeoutMs: input.waitTimeoutMs ?? 240_000,
    plan: input.plan ?? false,
    ignorePreflightErrors: (input.ignorePreflightErrors ?? []).flatMap((names) =>
      names.split(',').map((name) => name.trim()),
    ),
    layout: input.criSocket === undefined ? layout : {...layout, containerdSocket: socket(input.criSocket)},
    ownLayout: input.root !== undefined,
    ports: {...defaultPorts, ...input.ports},
    kubeletConfiguration: input.kubeletConfiguration ?? {},
    taints: input.taints ?? [],
    labels: input.labels ?? [],
  };
}

function discoveryOf(input: JoinInput): Discovery {
  if (input.discoveryKubeconfig !== undefined) return {kind: 'kubeconfig', text: input.discoveryKubeconfig};
  const token = input.discoveryToken ?? input.token;
  if (token === undefined)
    throw new NodectlError('ND904', 'no bootstrap token: give --token, NODECTL_TOKEN or --discovery-file');
  if (input.endpoint === undefined)
    throw new NodectlError('ND904', 'no API server: the first argument is its HOST:PORT');
  const pins = (input.caCertHashes ?? []).map(parsePin);
  const unsafe = input.unsafeSkipCaVerification ?? false;
  if (pins.length === 0 && !unsafe)
    throw new NodectlError(
      'ND408',
      'no --discovery-token-ca-cert-hash: the API server could be anybody’s',
      {},
    );
  return {kind: 'token', endpoint: parseEndpoint(input.endpoint), token: parseToken(token), pins, unsafe};
}

/** @throws NodectlError ND401; the message never contains the token */
export function parseToken(text: string): BootstrapToken {
  const [, id, secret] = /^([a-z0-9]{6})\.([a-z0-9]{16})$/.exec(text.trim()) ?? [];
  if (id !== undefined && secret !== undefined) return {id, secret};
  throw new NodectlError('ND401', `the bootstrap token ${tokenFault(text.trim())}`);
}

function tokenFault(text: string): string {
  const [id = '', secret, ...rest] = text.split('.');
  if (secret === undefined || rest.length > 0) return 'must have exactly one dot: ID.SECRET';
  if (/[^a-z0-9]/.test(id + secret)) return 'may only contain a-z and 0-9 around its dot';
  return `has ${id.length} characters before and ${secret.length} after its dot; it must be 6 and 16`;
}

/** `sha256:<hex>` of a CA's SubjectPublicKeyInfo. */
export function parsePin(text: string): string {
  const [, hex] = /^sha256:([0-9a-f]{64})$/i.exec(text.trim()) ?? [];
  if (hex !== undefined) return hex.toLowerCase();
  throw new NodectlError('ND404', `${text} is not sha256: and 64 hexadecimal digits`);
}

/** HOST:PORT with an optional https://; IPv6 in brackets; the port defaults to kubeadm's 6443. */
export function parseEndpoint(text: string): string {
  const bare = text.trim().replace(/^https:\/\//i, '');
  const [, host, port = '6443'] = /^(\[[0-9a-f:.]+\]|[^\s:/[\]]+)(?::(\d{1,5}))?\/?$/i.exec(bare) ?? [];
  if (host !== undefined && Number(port) >= 1 && Number(port) <= 65_535) return `${host}:${port}`;
  throw new NodectlError('ND904', `${text} is not the HOST:PORT of an API server`);
}

/** RFC 1123 subdomain, at most 253 characters (apimachinery validation.IsDNS1123Subdomain). */
export function assertNodeName(name: string): void {
  const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
  if (name.length > 253 || !new RegExp(`^${label}(\\.${label})*$`).test(name))
    throw new NodectlError('ND201', `${JSON.stringify(name)} is not a valid node name`);
}

function nodeIp(text: string): string {
  if (text.split(',').every((ip) => parseAddress(ip.trim()) !== undefined)) return text.replaceAll(' ', '');
  throw new NodectlError('ND904', `--node-ip ${text} is not an IP address or a dual-stack pair of them`);
}

function absolute(path: string): string {
  if (path.startsWith('/') && path.length > 1) return path.replace(/\/+$/, '');
  throw new NodectlError('ND904', `--root ${path} is not an absolute directory`);
}

function socket(endpoint: string): string {
  const path = endpoint.replace(/^unix:\/\//, '');
  if (path.startsWith('/')) return path;
  throw new NodectlError('ND904', `--cri-socket ${endpoint} is not a unix socket`);
}

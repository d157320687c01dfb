import {NodectlError} from '../../lib/errors.ts';

/** What says where the cluster is, and by what it is trusted. */
export type DiscoveryInput = {
  /** HOST:PORT, as `kubeadm token create --print-join-command` prints it. */
  readonly endpoint?: string;
  readonly token?: string;
  readonly discoveryToken?: string;
  readonly tlsBootstrapToken?: string;
  readonly caCertHashes?: readonly string[];
  readonly unsafeSkipCaVerification?: boolean;
  /** What --discovery-file says, read by the caller. */
  readonly discoveryFile?: DiscoveryFile;
};

export type BootstrapToken = {readonly id: string; readonly secret: string};

/** Who this machine is to the API server until it has a certificate of its own. */
export type BootstrapCredentials =
  | {readonly kind: 'token'; readonly token: string}
  | {readonly kind: 'certificate'; readonly cert: string; readonly key: string};

/** A discovery kubeconfig as its reader understood it. */
export type DiscoveryFile = {
  readonly server: string;
  /** PEM; without it this machine's own authorities must vouch for the server, which then tells the cluster's CA. */
  readonly ca: string | undefined;
  readonly credentials: BootstrapCredentials | undefined;
};

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
  | {readonly kind: 'kubeconfig'; readonly server: string; readonly ca: string | undefined};

/** Lists may be given by repeating a flag, or with commas as from the environment. */
export function words(list: readonly string[] | undefined): string[] {
  return (list ?? []).flatMap((text) => text.split(',').map((word) => word.trim())).filter((w) => w !== '');
}

export function discoveryOf(input: DiscoveryInput): Discovery {
  if (input.discoveryFile !== undefined && input.endpoint !== undefined)
    throw new NodectlError(
      'ND904',
      `--discovery-file and the API server ${input.endpoint} exclude each other`,
    );
  if (input.discoveryFile !== undefined) {
    const {server, ca} = input.discoveryFile;
    return {kind: 'kubeconfig', server, ca};
  }
  const token = input.discoveryToken ?? input.token;
  if (token === undefined)
    throw new NodectlError('ND904', 'no bootstrap token: give --token, NODECTL_TOKEN or --discovery-file', {
      next: [
        'kubeadm token create --print-join-command on a control plane prints all of it.',
        'nodectl join --help',
      ],
    });
  if (input.endpoint === undefined)
    throw new NodectlError('ND904', 'no API server: the first argument is its HOST:PORT');
  const pins = words(input.caCertHashes).map(parsePin);
  const unsafe = input.unsafeSkipCaVerification ?? false;
  if (pins.length === 0 && !unsafe)
    throw new NodectlError(
      'ND408',
      'no --discovery-token-ca-cert-hash: the API server could be anybody’s',
      {},
    );
  return {kind: 'token', endpoint: parseEndpoint(input.endpoint), token: parseToken(token), pins, unsafe};
}

/** A token given for the certificate wins over the discovery file's own credentials, as in kubeadm. */
export function bootstrapOf(input: DiscoveryInput): BootstrapCredentials {
  const fromFile = input.discoveryFile?.credentials;
  const own = input.tlsBootstrapToken ?? input.token;
  if (own === undefined && fromFile !== undefined) return fromFile;
  const token = own ?? input.discoveryToken;
  if (token === undefined)
    throw new NodectlError(
      'ND904',
      'the discovery file has no credentials: give --tls-bootstrap-token beside it',
    );
  const {id, secret} = parseToken(token);
  return {kind: 'token', token: `${id}.${secret}`};
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

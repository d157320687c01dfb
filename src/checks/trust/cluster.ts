import {
  type ClusterIdentity,
  type ClusterInfo,
  certificatesOf,
  clusterIdentity,
  isSigned,
  parseClusterInfo,
} from '../../config/cluster-info.ts';
import type {BootstrapToken, Discovery, JoinOptions} from '../../config/join.ts';
import {sleep} from '../../edges/clock.ts';
import {globalAddresses} from '../../edges/network/node-addresses.ts';
import {type Answer, askServer} from '../../edges/trust/discovery.ts';
import {spkiPin} from '../../edges/trust/x509.ts';
import {NodectlError} from '../../lib/errors.ts';
import type {Finding} from '../check.ts';
import {ownAddressHint, skewFinding, unreachable} from './answers.ts';
import {authorityOf, clusterInfoPath} from './authority.ts';

/** A cluster whose address and CA are trusted. */
export type Cluster = ClusterIdentity & {
  /** The cluster's KubeletConfiguration, as kubeadm keeps it. */
  readonly kubeletConfig: string | undefined;
  /** The cluster's KubeProxyConfiguration, as kubeadm keeps it for its DaemonSet. */
  readonly proxyConfig: string | undefined;
  /** What the node reports as its kubelet's version; undefined leaves that to the kubelet. */
  readonly version: string | undefined;
  readonly findings: readonly Finding[];
};

export type Trusted = ClusterIdentity & {readonly findings: readonly Finding[]};

/** The signer follows a new token within moments; longer than this is a token that is not there. */
const signerGraceMs = 4000;

/**
 * From an address and a token (or a file) to a CA that can be trusted, as kubeadm does it: anonymous read, signature,
 * pin, then the same read again over verified TLS. Every way in which it can go wrong has its own code, in seconds.
 */
export async function trustCluster(options: JoinOptions, signal: AbortSignal): Promise<Trusted> {
  const {discovery} = options;
  const trusted =
    discovery.kind === 'token' ? await byToken(discovery, signal) : await byFile(discovery, options, signal);
  await assertReachable(trusted, discovery, signal);
  return trusted;
}

type FileDiscovery = Extract<Discovery, {kind: 'kubeconfig'}>;

async function byFile(
  {server, ca: given}: FileDiscovery,
  {bootstrap}: JoinOptions,
  signal: AbortSignal,
): Promise<Trusted> {
  const ca = given ?? (await authorityOf(server, bootstrap, signal));
  assertDates(ca);
  return {server, ca, findings: []};
}

type TokenDiscovery = Extract<Discovery, {kind: 'token'}>;

async function byToken(discovery: TokenDiscovery, signal: AbortSignal): Promise<Trusted> {
  const server = `https://${discovery.endpoint}`;
  const {info, findings} = await signedInfo(server, discovery.token, signal);
  const identity = clusterIdentity(info.kubeconfig);
  if (identity === undefined)
    throw new NodectlError('ND315', `cluster-info of ${server} has no cluster with an https server and a CA`);
  assertDates(identity.ca);
  if (!discovery.unsafe) assertPinned(identity.ca, discovery.pins);
  const again = await readInfo(server, signal, identity.ca);
  if (again.info.kubeconfig !== info.kubeconfig)
    throw new NodectlError('ND407', 'cluster-info differs between the anonymous and the verified read');
  return {...identity, findings};
}

/** @throws NodectlError ND402 or ND403 */
async function signedInfo(
  server: string,
  token: BootstrapToken,
  signal: AbortSignal,
): Promise<{info: ClusterInfo; findings: readonly Finding[]}> {
  for (let waitedMs = 0; ; waitedMs += 1000) {
    const {info, findings} = await readInfo(server, signal);
    const jws = info.signatures.get(token.id);
    if (jws !== undefined) {
      if (isSigned(info.kubeconfig, jws, token)) return {info, findings};
      throw new NodectlError('ND403', `cluster-info of ${server} is not signed by token ${token.id}`);
    }
    if (waitedMs >= signerGraceMs) throw unknownToken(token.id, [...info.signatures.keys()]);
    await sleep(1000, signal);
  }
}

function unknownToken(id: string, live: readonly string[]): NodectlError {
  const others = live.length === 0 ? 'no other token is live' : `live tokens: ${live.toSorted().join(', ')}`;
  return new NodectlError('ND402', `the cluster has no signature for token ${id}; ${others}`);
}

async function readInfo(
  server: string,
  signal: AbortSignal,
  ca?: string,
): Promise<{info: ClusterInfo; findings: readonly Finding[]}> {
  const answer = await askServer(server, clusterInfoPath, {signal, ...(ca === undefined ? {} : {ca})});
  signal.throwIfAborted();
  if (answer.kind !== 'answer') throw silent(server, answer);
  const info = answer.status === 200 ? parseClusterInfo(answer.body) : undefined;
  if (info === undefined) throw notClusterInfo(server, answer.status, answer.body);
  const skew = skewFinding(answer);
  if (skew?.severity === 'error') throw new NodectlError(skew.code, skew.message, {next: skew.next});
  return {info, findings: skew === undefined ? [] : [skew]};
}

function notClusterInfo(server: string, status: number, body: string): NodectlError {
  const kubernetes = /"kind"\s*:\s*"Status"/.test(body);
  const what = !kubernetes
    ? `answers ${status}, but not as a Kubernetes API server`
    : status === 404
      ? 'is a Kubernetes API server without kube-public/cluster-info'
      : `answers ${status}: anonymous users may not read kube-public/cluster-info`;
  return new NodectlError('ND315', `${server} ${what}`);
}

/** Any certificate of the bundle may be the pinned one. */
function assertPinned(ca: string, pins: readonly string[]): void {
  const actual = certificatesOf(ca).map((certificate) => spkiPin(certificate.toString()));
  if (actual.some((pin) => pins.includes(pin.replace('sha256:', '')))) return;
  throw new NodectlError(
    'ND405',
    `expected ${pins.map((pin) => `sha256:${pin}`).join(' or ')}\nactual   ${actual.join(', ') || 'no certificate'}`,
  );
}

function assertDates(ca: string): void {
  const all = certificatesOf(ca);
  const now = Date.now();
  if (all.length === 0) throw new NodectlError('ND411', 'the cluster’s CA holds no certificate');
  const fine = all.some((c) => Date.parse(c.validFrom) <= now && now <= Date.parse(c.validTo));
  if (fine) return;
  const spans = all.map((c) => `${c.validFrom} to ${c.validTo}`).join('; ');
  throw new NodectlError('ND412', `valid ${spans}; this machine’s clock says ${new Date(now).toUTCString()}`);
}

/** The address inside cluster-info is the one that the kubelet will use; it may differ from the one typed. */
async function assertReachable(trusted: Trusted, discovery: Discovery, signal: AbortSignal): Promise<void> {
  const typed = discovery.kind === 'token' ? `https://${discovery.endpoint}` : undefined;
  if (typed !== undefined && sameServer(typed, trusted.server)) return;
  const answer: Answer = await askServer(trusted.server, '/version', {ca: trusted.ca, signal});
  signal.throwIfAborted();
  if (answer.kind === 'answer') return;
  if (typed === undefined) throw silent(trusted.server, answer);
  throw new NodectlError('ND317', `${trusted.server} (from cluster-info of ${typed}): ${answer.detail}`, {
    next: ownAddressHint(trusted.server, ownAddresses()),
  });
}

function silent(server: string, answer: Exclude<Answer, {kind: 'answer'}>): NodectlError {
  const {code, message, next} = unreachable(server, answer);
  return new NodectlError(code, message, {next: [...ownAddressHint(server, ownAddresses()), ...next]});
}

function ownAddresses(): string[] {
  return globalAddresses().map(({address}) => address);
}

function sameServer(a: string, b: string): boolean {
  return URL.canParse(a) && URL.canParse(b) && new URL(a).host === new URL(b).host;
}

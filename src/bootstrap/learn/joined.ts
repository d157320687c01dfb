import {parseDocument} from 'yaml';
import type {Cluster} from '../../checks/trust/cluster.ts';
import {type ClusterIdentity, certificatesOf, clusterIdentity} from '../../config/cluster-info.ts';
import type {JoinOptions} from '../../config/join.ts';
import {kubeletPaths} from '../../config/kubelet-files.ts';
import {readText} from '../../edges/files/files.ts';
import {spkiPin} from '../../edges/trust/x509.ts';
import {NodectlError} from '../../lib/errors.ts';
import {readCertificate} from '../apply/certificate.ts';

/** Where the cluster's kubelet-config is kept as it was at the join: a second run needs no token and no network. */
export function clusterConfigPath(options: Pick<JoinOptions, 'layout'>): string {
  return `${options.layout.stateDir}/cluster/kubelet-config.yaml`;
}

/** The same of the cluster's kube-proxy, for a proxy that is chosen later. */
export function clusterProxyPath(options: Pick<JoinOptions, 'layout'>): string {
  return `${options.layout.stateDir}/cluster/kube-proxy.yaml`;
}

/** The version that the node reports, chosen at the join for the API server of then. */
export function clusterVersionPath(options: Pick<JoinOptions, 'layout'>): string {
  return `${options.layout.stateDir}/cluster/version`;
}

/**
 * The cluster that this machine is in already, under this name and with a certificate that is good; undefined when
 * there is anything left to get with a token.
 * @throws NodectlError ND602 when it is in another cluster, or under another name
 */
export async function joinedCluster(options: JoinOptions): Promise<Cluster | undefined> {
  const paths = kubeletPaths(options);
  const [kubeconfig, pem, kubeletConfig, proxyConfig, version] = await Promise.all([
    readText(paths.kubeconfig),
    readText(paths.currentCertificate),
    readText(clusterConfigPath(options)),
    readText(clusterProxyPath(options)),
    readText(clusterVersionPath(options)),
  ]);
  const identity = kubeconfig === undefined ? undefined : clusterIdentity(kubeconfig);
  const certificate =
    identity === undefined || pem === undefined ? undefined : readCertificate(pem, identity.ca);
  if (identity === undefined || certificate === undefined) return undefined;
  assertSameNode(options, certificate.nodeName);
  assertSameCluster(options, identity, paths.kubeconfig);
  if (!certificate.byCluster || certificate.notAfterMs <= Date.now()) return undefined;
  if (kubeletConfig !== undefined && !isYaml(kubeletConfig)) return undefined;
  return {...identity, kubeletConfig, proxyConfig, version: version?.trim(), findings: []};
}

/** What was kept may be damaged since: then the cluster is asked again. */
function isYaml(text: string): boolean {
  return parseDocument(text).errors.length === 0;
}

function assertSameNode(options: JoinOptions, nodeName: string | undefined): void {
  if (nodeName !== options.nodeName)
    throw new NodectlError('ND602', `this machine has joined as ${nodeName}, not ${options.nodeName}`);
}

function assertSameCluster(options: JoinOptions, {server, ca}: ClusterIdentity, path: string): void {
  const {discovery} = options;
  if (discovery.kind === 'kubeconfig') {
    // Without a CA in the file, its server is all that says which cluster is meant.
    const isSame =
      discovery.ca === undefined ? discovery.server === server : sharesAuthority(discovery.ca, ca);
    if (isSame) return;
    if (discovery.ca === undefined)
      throw new NodectlError('ND602', `${path} is of ${server}; the discovery file of ${discovery.server}`);
    throw new NodectlError('ND602', `the CA in ${path} is not the one of the discovery file`);
  }
  if (discovery.unsafe) return;
  const pins = pinsOf(ca);
  if (pins.some((pin) => discovery.pins.includes(pin.replace('sha256:', '')))) return;
  const pinned = discovery.pins.map((pin) => `sha256:${pin}`).join(', ');
  throw new NodectlError('ND602', `the CA in ${path} is ${pins.join(', ')}; pinned is ${pinned}`);
}

function pinsOf(ca: string): string[] {
  return certificatesOf(ca).map((certificate) => spkiPin(certificate.toString()));
}

/** Bundles of one cluster share at least one key, also while its CA is being rotated. */
function sharesAuthority(a: string, b: string): boolean {
  const pins = pinsOf(a);
  return pinsOf(b).some((pin) => pins.includes(pin));
}

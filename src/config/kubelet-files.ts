import {parse, stringify} from 'yaml';
import {describeError, NodectlError} from '../lib/errors.ts';
import {kubernetesYaml} from './document.ts';
import {patchKubelet} from './join/patches.ts';
import type {BootstrapCredentials, JoinOptions} from './join.ts';
import {kubeconfigText} from './kubeconfig.ts';
import {chooseResolvConf} from './machine/resolv-conf.ts';

/** Kubernetes' own places for what a joined node has. */
export function kubeletPaths(options: Pick<JoinOptions, 'layout'>) {
  const {kubernetesDir, kubeletDir, stateDir, caFile} = options.layout;
  return {
    kubeconfig: `${kubernetesDir}/kubelet.conf`,
    bootstrapKubeconfig: `${kubernetesDir}/bootstrap-kubelet.conf`,
    ca: caFile ?? `${kubernetesDir}/pki/ca.crt`,
    manifests: `${kubernetesDir}/manifests`,
    config: `${kubeletDir}/config.yaml`,
    instanceConfig: `${kubeletDir}/instance-config.yaml`,
    flags: `${kubeletDir}/kubeadm-flags.env`,
    pki: `${kubeletDir}/pki`,
    /** Kept until its certificate is there, so that a crash makes no second request. */
    cachedKey: `${kubeletDir}/pki/kubelet-client.key.tmp`,
    currentCertificate: `${kubeletDir}/pki/kubelet-client-current.pem`,
    proxyKubeconfig: `${stateDir}/proxy/kubeconfig`,
    proxyConfig: `${stateDir}/proxy/config.yaml`,
  } as const;
}

/** kubelet.conf: certificate and key are the same rotated file. */
export function kubeletKubeconfig(server: string, ca: string, certificate: string): string {
  return kubeconfigText({server, caData: ca, certFile: certificate, keyFile: certificate});
}

/** bootstrap-kubelet.conf with kubeadm's names. */
export function bootstrapKubeconfig(server: string, ca: string, who: BootstrapCredentials): string {
  const userName = 'tls-bootstrap-token-user';
  return kubeconfigText({
    server,
    caData: ca,
    ...(who.kind === 'token' ? {token: who.token} : {certData: who.cert, keyData: who.key}),
    clusterName: 'kubernetes',
    userName,
    contextName: `${userName}@kubernetes`,
  });
}

/** What this machine decides about its kubelet. */
export type Instance = {
  readonly cgroupDriver: 'systemd' | 'cgroupfs';
  readonly cgroup: 1 | 2;
  /** Set when /etc/resolv.conf has only systemd-resolved's stub, which pods cannot reach. */
  readonly resolvConf: string | undefined;
  /** systemd-resolved has its own file on this machine. */
  readonly resolved: boolean;
};

/**
 * The kubelet's configuration: explicit secure values (CIS reads the file, and fails what is absent) < the
 * cluster's kubelet-config < this machine < what the user gave; kubeadm's patches are done to all of it.
 */
export function kubeletConfigText(
  cluster: string | undefined,
  options: JoinOptions,
  instance: Instance,
): string {
  const shared = parseObject(cluster, 'kubelet-config');
  const given = [shared, instanceFields(options, instance, shared), options.kubeletConfiguration].reduce<
    Record<string, unknown>
  >((base, over) => merge(base, over), {});
  const serving = given.serverTLSBootstrap === true ? {} : servingFiles(options);
  const merged = merge({...secureDefaults, ...serving}, given);
  const type = {apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration'};
  return stringify(patchKubelet({...type, ...merged}, options.kubeletPatches), {
    ...asKubernetes,
    lineWidth: 0,
  });
}

/** Texts such as `yes` stay texts to who reads YAML 1.1. */
const asKubernetes = {compat: 'yaml-1.1'} as const;

const secureDefaults = {
  authentication: {
    anonymous: {enabled: false},
    webhook: {enabled: true, cacheTTL: '2m0s'},
  },
  authorization: {mode: 'Webhook', webhook: {cacheAuthorizedTTL: '5m0s', cacheUnauthorizedTTL: '30s'}},
  readOnlyPort: 0,
  streamingConnectionIdleTimeout: '4h0m0s',
  makeIPTablesUtilChains: true,
  eventRecordQPS: 50,
  rotateCertificates: true,
  tlsCipherSuites: [
    'TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256',
    'TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256',
    'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384',
    'TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384',
    'TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305',
    'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305',
  ],
  podPidsLimit: -1,
  seccompDefault: false,
} as const;

/** The pair that the kubelet makes for itself where there is none. */
function servingFiles(options: JoinOptions) {
  const {pki} = kubeletPaths(options);
  return {tlsCertFile: `${pki}/kubelet.crt`, tlsPrivateKeyFile: `${pki}/kubelet.key`};
}

function instanceFields(
  options: JoinOptions,
  instance: Instance,
  cluster: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const resolvConf = chooseResolvConf(cluster.resolvConf, instance);
  const paths = kubeletPaths(options);
  const {layout, ports} = options;
  return {
    authentication: {x509: {clientCAFile: paths.ca}},
    staticPodPath: paths.manifests,
    containerRuntimeEndpoint: `unix://${layout.containerdSocket}`,
    cgroupDriver: instance.cgroupDriver,
    podLogsDir: layout.podLogDir,
    port: ports.kubelet,
    healthzPort: ports.kubeletHealthz,
    ...(onLoopback(cluster.healthzBindAddress) ? {} : {healthzBindAddress: '127.0.0.1'}),
    ...(instance.cgroup === 1 ? {failCgroupV1: false} : {}),
    ...(resolvConf === undefined ? {} : {resolvConf}),
    // A node below a directory of its own shares the cgroup tree with the machine's: its pods go below its name.
    ...(options.ownLayout ? {cgroupRoot: `/nodectl-${options.nodeName}`} : {}),
    ...(options.taints.length === 0 ? {} : {registerWithTaints: options.taints.map(taint)}),
  };
}

/** Where the join and the status ask for the kubelet's health; an address of another machine is nothing here. */
function onLoopback(address: unknown): boolean {
  return [undefined, '', '127.0.0.1', 'localhost', '0.0.0.0', '::'].some((one) => one === address);
}

function taint(text: string): Record<string, string> {
  const [pair = '', effect = ''] = text.split(':');
  const [key = '', value] = pair.split('=');
  return {key, ...(value === undefined ? {} : {value}), effect};
}

/**
 * The patch that `kubeadm upgrade node` does to the cluster's kubelet-config, where kubeadm itself has the runtime's
 * socket: all that this machine and its user decided, which would be lost otherwise.
 */
export function instanceConfigText(
  cluster: string | undefined,
  options: JoinOptions,
  instance: Instance,
): string {
  const fields = instanceFields(options, instance, parseObject(cluster, 'kubelet-config'));
  const type = {apiVersion: 'kubelet.config.k8s.io/v1beta1', kind: 'KubeletConfiguration'};
  return stringify(
    {...type, ...merge(fields, options.kubeletConfiguration)},
    {...asKubernetes, lineWidth: 0},
  );
}

/** Words that kubeadm's upgrade and other tools expect in kubeadm-flags.env. */
export function kubeadmFlags(args: readonly string[]): string {
  return `KUBELET_KUBEADM_ARGS="${args.join(' ')}"\n`;
}

/**
 * KubeProxyConfiguration of our proxy: what kubeadm gave its DaemonSet < this machine < what the user's own document
 * says. Of the cluster's, the identity and the name are of its pods; without a mode ours is nftables.
 */
export function proxyConfigText(options: JoinOptions, cluster: string | undefined): string {
  const {proxyKubeconfig: kubeconfig} = kubeletPaths(options);
  const {clientConnection: _, ...shared} = parseObject(cluster, 'kube-proxy');
  const {proxyHealthz, proxyMetrics} = options.ports;
  const ours = {
    mode: shared.mode || 'nftables',
    clientConnection: {kubeconfig},
    hostnameOverride: options.nodeName,
    healthzBindAddress: onPort(shared.healthzBindAddress, '0.0.0.0', proxyHealthz),
    metricsBindAddress: onPort(shared.metricsBindAddress, '127.0.0.1', proxyMetrics),
  };
  // A kubeconfig given by flag is stored in our place, and counts.
  const identity = options.proxyKubeconfig === undefined ? {} : {clientConnection: {kubeconfig}};
  const type = {apiVersion: 'kubeproxy.config.k8s.io/v1alpha1', kind: 'KubeProxyConfiguration'};
  const layers = [ours, options.proxyConfiguration, identity, type];
  return stringify(
    layers.reduce<Record<string, unknown>>((base, over) => merge(base, over), shared),
    asKubernetes,
  );
}

/** The cluster's address, for who scrapes all nodes alike, where it is at the port that we look at. */
function onPort(wanted: unknown, host: string, port: number): string {
  return typeof wanted === 'string' && wanted.endsWith(`:${port}`) ? wanted : `${host}:${port}`;
}

/** @throws NodectlError ND302 naming the ConfigMap that somebody broke */
function parseObject(text: string | undefined, configMap: string): Record<string, unknown> {
  try {
    const value: unknown = text === undefined ? undefined : parse(text, kubernetesYaml);
    return isObject(value) ? value : {};
  } catch (error) {
    throw new NodectlError('ND302', `kube-system/${configMap} is not YAML: ${describeError(error)}`, {
      cause: error,
      next: [`kubectl -n kube-system edit configmap ${configMap}`],
    });
  }
}

function merge(
  base: Record<string, unknown>,
  over: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const result = {...base};
  for (const [key, value] of Object.entries(over)) {
    const known = result[key];
    result[key] = isObject(known) && isObject(value) ? merge(known, value) : value;
  }
  return result;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

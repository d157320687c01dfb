import type {ConfigMap, Draft} from '../../lib/kubernetes.ts';
import type {ControllerDeps} from './deps.ts';

type Map = Draft<ConfigMap>;

/** What `kubeadm init` leaves behind, and `kubeadm join` and `nodectl join` read: addresses, settings, versions. */
export function kubeadmMaps(deps: ControllerDeps): Map[] {
  return [clusterInfo(deps), kubeadmConfig(deps), kubeletConfig(deps), proxyConfig(deps)];
}

/** JSON is YAML: every reader of these documents takes it, and nothing has to be quoted twice. */
const document = (value: object) => `${JSON.stringify(value, undefined, 2)}\n`;

const system = (name: string, data: Record<string, string>): Map => ({
  metadata: {name, namespace: 'kube-system'},
  data,
});

export function serverUrl({address}: Pick<ControllerDeps, 'address'>): string {
  const host = address.host.includes(':') ? `[${address.host}]` : address.host;
  return `https://${host}:${address.port}`;
}

function clusterInfo(deps: ControllerDeps): Map {
  const cluster = {
    'certificate-authority-data': Buffer.from(deps.ca.cert).toString('base64'),
    server: serverUrl(deps),
  };
  const kubeconfig = {
    apiVersion: 'v1',
    clusters: [{cluster, name: ''}],
    contexts: null,
    'current-context': '',
    kind: 'Config',
    preferences: {},
    users: null,
  };
  return {
    metadata: {name: 'cluster-info', namespace: 'kube-public'},
    data: {kubeconfig: document(kubeconfig)},
  };
}

function kubeadmConfig(deps: ControllerDeps): Map {
  const {address, serviceCidr, podCidr, clusterDomain, kubernetesVersion} = deps;
  const configuration = {
    apiVersion: 'kubeadm.k8s.io/v1beta4',
    kind: 'ClusterConfiguration',
    clusterName: 'nodectl-sandbox',
    certificatesDir: '/etc/kubernetes/pki',
    caCertificateValidityPeriod: '87600h0m0s',
    certificateValidityPeriod: '8760h0m0s',
    controlPlaneEndpoint: serverUrl({address}).replace('https://', ''),
    kubernetesVersion,
    networking: {dnsDomain: clusterDomain, podSubnet: podCidr, serviceSubnet: serviceCidr},
    apiServer: {},
    controllerManager: {},
    scheduler: {},
    dns: {},
    etcd: {local: {dataDir: '/var/lib/etcd'}},
  };
  return system('kubeadm-config', {ClusterConfiguration: document(configuration)});
}

/** KubeletConfiguration as kubeadm uploads it, its zero values left out. */
function kubeletConfig({dnsServiceIp, clusterDomain, tuning}: ControllerDeps): Map {
  const configuration = {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    authentication: {
      anonymous: {enabled: false},
      webhook: {enabled: true, cacheTTL: '0s'},
      x509: {clientCAFile: '/etc/kubernetes/pki/ca.crt'},
    },
    authorization: {mode: 'Webhook', webhook: {cacheAuthorizedTTL: '0s', cacheUnauthorizedTTL: '0s'}},
    cgroupDriver: tuning?.cgroupDriver ?? 'systemd',
    clusterDNS: [dnsServiceIp],
    clusterDomain,
    failCgroupV1: tuning?.failCgroupV1 ?? false,
    healthzBindAddress: '127.0.0.1',
    healthzPort: 10248,
    rotateCertificates: true,
    staticPodPath: '/etc/kubernetes/manifests',
  };
  return system('kubelet-config', {kubelet: document(configuration)});
}

function proxyConfig(deps: ControllerDeps): Map {
  const configuration = {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    bindAddress: '0.0.0.0',
    clientConnection: {kubeconfig: '/var/lib/kube-proxy/kubeconfig.conf'},
    clusterCIDR: deps.podCidr,
    mode: 'nftables',
  };
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      {
        cluster: {
          'certificate-authority': '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt',
          server: serverUrl(deps),
        },
        name: 'default',
      },
    ],
    contexts: [{context: {cluster: 'default', namespace: 'default', user: 'default'}, name: 'default'}],
    'current-context': 'default',
    users: [{name: 'default', user: {tokenFile: '/var/run/secrets/kubernetes.io/serviceaccount/token'}}],
  };
  return system('kube-proxy', {
    'config.conf': document(configuration),
    'kubeconfig.conf': document(kubeconfig),
  });
}

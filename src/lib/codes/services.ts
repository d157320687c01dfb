import {entries} from './entry.ts';

/** ND7xx: kubelet, proxy and the services of the host. */
export const serviceCodes = entries({
  ND701: {
    title: 'kubelet configuration invalid',
    why: 'A KubeletConfiguration field has a value that cannot be honoured.',
    fix: ['Correct the named field.'],
    exit: 'usage',
  },
  ND711: {
    title: 'proxy configuration invalid',
    why: 'A KubeProxyConfiguration field or a flag of nodectl proxy has a value that cannot be honoured.',
    fix: ['Correct the named field.'],
    exit: 'usage',
  },
  ND712: {
    title: 'service rules cannot be programmed',
    why: 'nft is missing or too old, or the kernel refuses what the service proxy needs: nftables with NAT, and root.',
    fix: ['apt-get install nftables', 'nft list tables'],
    exit: 'failed',
  },
  ND713: {
    title: 'no credentials for the service proxy',
    why: 'The proxy watches Services and EndpointSlices, which a node certificate may not read.',
    fix: ['Give a kubeconfig with --kubeconfig or clientConnection.kubeconfig.'],
    exit: 'usage',
  },
  ND702: {
    title: 'a service could not be started',
    why: 'The supervisor of nodectl’s daemons does not answer, or cannot start one of them.',
    fix: ['Read its log; the same command again goes on where it stopped.'],
    exit: 'kubelet',
  },
  ND703: {
    title: 'the kubelet does not stay up',
    why: 'The kubelet ends or stays unhealthy after its start.',
    fix: ['journalctl -u nodectl-kubelet, or nodectl-kubelet.log in the log directory.'],
    exit: 'kubelet',
  },
  ND704: {
    title: 'the node did not become ready in time',
    why: 'The kubelet runs, but the API server has no Node of this name, or one that is not Ready.',
    fix: ['journalctl -u nodectl-kubelet, or nodectl-kubelet.log in the log directory.'],
    exit: 'kubelet',
  },
  ND705: {
    title: 'waiting for a network plugin',
    why: 'The node has joined, but no CNI configuration exists yet: the cluster’s network add-on must bring it.',
    fix: ['Install the cluster’s network add-on, or join with --cni bridge.', 'kubectl get node -w'],
    exit: 'waiting',
  },
  ND721: {
    title: 'the kubelet cannot run on this machine as configured',
    why: 'Kubernetes refuses swap and cgroup v1 unless the configuration allows them.',
    fix: ['Change the machine, or the named field of the KubeletConfiguration.'],
    exit: 'kubelet',
  },
  ND722: {
    title: 'the kubelet has no usable credentials',
    why: 'Its client certificate is missing or has expired, and there is no bootstrap kubeconfig to ask for a new one.',
    fix: ['nodectl reset, then nodectl join with a fresh token.'],
    exit: 'kubelet',
  },
  ND723: {
    title: 'a certificate request was refused',
    why: 'The cluster denied the certificate signing request, or could not sign it.',
    fix: ['kubectl get csr', 'kubectl describe csr NAME'],
    exit: 'trust',
  },
});

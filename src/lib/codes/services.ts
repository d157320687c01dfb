import {entries} from './entry.ts';

/** ND7xx: kubelet, proxy and the services of the host. */
export const serviceCodes = entries({
  ND701: {
    title: 'kubelet configuration invalid',
    why: 'A KubeletConfiguration field has a value that cannot be honoured.',
    fix: [
      'nodectl status names the field, or the file that is gone or empty.',
      'Correct it in /var/lib/kubelet/config.yaml, then sudo nodectl restart kubelet',
      'Without the file: run the same nodectl join again.',
    ],
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
    fix: ['sudo apt-get install nftables', 'sudo nft list tables'],
    exit: 'failed',
  },
  ND713: {
    title: 'no credentials for the service proxy',
    why: 'The proxy watches Services and EndpointSlices, which a node certificate may not read.',
    fix: ['Give a kubeconfig with --kubeconfig or clientConnection.kubeconfig.'],
    exit: 'usage',
  },
  ND714: {
    title: 'service rules cannot be programmed with iptables',
    why: 'iptables is missing, the kernel refuses what the service proxy needs of it, or another program holds its lock.',
    fix: ['sudo apt-get install iptables', 'sudo iptables-save', 'ps -fC iptables,iptables-restore'],
    exit: 'failed',
  },
  ND715: {
    title: 'the proxy configuration was changed',
    why: 'nodectl proxy ends when its configuration file is written anew, as kube-proxy does, to be started with the new one.',
    fix: ['sudo nodectl restart proxy'],
    exit: 'failed',
  },
  ND702: {
    title: 'a service could not be started',
    why: 'The supervisor of nodectl’s daemons does not answer, or cannot start one of them.',
    fix: ['sudo nodectl status', 'The same command again goes on where it stopped.'],
    exit: 'kubelet',
  },
  ND703: {
    title: 'the kubelet does not stay up',
    why: 'The kubelet ends or stays unhealthy after its start.',
    fix: ['nodectl logs kubelet', 'nodectl status'],
    exit: 'kubelet',
  },
  ND704: {
    title: 'the node did not become ready in time',
    why: 'The kubelet runs, but the API server has no Node of this name, or one that is not Ready.',
    fix: ['nodectl logs kubelet', 'nodectl status'],
    exit: 'kubelet',
  },
  ND705: {
    title: 'waiting for a network plugin',
    why: 'The node has joined, but no CNI configuration exists yet: the cluster’s network add-on must bring it.',
    fix: ['Install the cluster’s network add-on, or join with --cni bridge.', 'kubectl get node -w'],
    exit: 'waiting',
  },
  ND706: {
    title: 'ready, but no pod is placed here',
    why: 'The node is Ready, and a taint or a cordon keeps pods without tolerations away.',
    fix: ['kubectl describe node NAME', 'kubectl uncordon NAME; kubectl taint node NAME KEY-'],
    exit: 'waiting',
  },
  ND721: {
    title: 'the kubelet cannot run on this machine as configured',
    why: 'Kubernetes refuses swap and cgroup v1 unless the configuration allows them, and limits only cgroups that exist.',
    fix: ['Change the machine, or the named field of the KubeletConfiguration.'],
    exit: 'kubelet',
  },
  ND722: {
    title: 'the kubelet has no usable credentials',
    why: 'Its client certificate is missing, damaged or has expired, and there is no bootstrap kubeconfig to ask for a new one.',
    fix: [
      'sudo ls -l /var/lib/kubelet/pki',
      'sudo nodectl reset, then sudo nodectl join with a fresh token.',
      'On a control-plane node: kubeadm token create --print-join-command',
    ],
    exit: 'kubelet',
  },
  ND723: {
    title: 'a certificate request was refused',
    why: 'The cluster denied the certificate signing request, or could not sign it.',
    fix: ['kubectl get csr', 'kubectl describe csr NAME'],
    exit: 'trust',
  },
  ND727: {
    title: 'NFS volumes cannot be mounted here',
    why: 'The kernel mounts NFS only with the help of mount.nfs, which is not installed.',
    fix: ['sudo apt-get install nfs-common'],
    exit: 'kubelet',
  },
  ND731: {
    title: 'not a node yet',
    why: 'This machine has not joined a cluster.',
    fix: [
      'sudo nodectl join HOST:PORT --token … --discovery-token-ca-cert-hash …',
      'sudo nodectl sandbox up',
    ],
    exit: 'kubelet',
  },
  ND732: {
    title: 'the join has not finished',
    why: 'A join was begun on this machine and has not come to its end.',
    fix: ['Run the same nodectl join again: it goes on where it stopped.', 'Or sudo nodectl reset.'],
    exit: 'waiting',
  },
  ND733: {
    title: 'the kubelet is not running',
    why: 'Nobody looks after the pods of this node; after 40 s the cluster calls it NotReady and moves them.',
    fix: ['sudo nodectl restart kubelet', 'nodectl logs kubelet'],
    exit: 'kubelet',
  },
  ND734: {
    title: 'the service proxy is not running',
    why: 'Services still work as they were, but no change of them reaches this node.',
    fix: ['sudo nodectl restart proxy', 'nodectl logs proxy'],
    exit: 'kubelet',
  },
  ND735: {
    title: 'the service proxy does not stay up',
    why: 'It ends again and again after its start.',
    fix: ['nodectl logs proxy'],
    exit: 'kubelet',
  },
  ND736: {
    title: 'a daemon is not healthy',
    why: 'It runs, but its health port says no, or nothing.',
    fix: ['nodectl logs kubelet', 'nodectl logs proxy'],
    exit: 'kubelet',
  },
  ND737: {
    title: 'service rules missing',
    why: 'The kernel has none of the proxy’s rules: no Service answers from this node. The proxy puts them back while it runs.',
    fix: ['sudo nodectl restart proxy', 'sudo nft list tables'],
    exit: 'kubelet',
  },
  ND738: {
    title: 'rules of another service proxy',
    why: 'kube-proxy, or its remains, translates Services too: its rules and ours see the same packets.',
    fix: ['kubectl -n kube-system get pods -o wide | grep kube-proxy', 'Keep one of the two on this node.'],
    exit: 'kubelet',
  },
  ND739: {
    title: 'a Service does not answer',
    why: 'The ClusterIP of `kubernetes` cannot be reached from this node: pods here cannot talk to the API server.',
    fix: ['nodectl logs proxy', 'sudo nodectl restart proxy'],
    exit: 'kubelet',
  },
  ND741: {
    title: 'the cluster does not know this node',
    why: 'Its Node object was deleted, or never made. The kubelet makes it when it starts.',
    fix: ['sudo nodectl restart kubelet'],
    exit: 'kubelet',
  },
  ND742: {
    title: 'the node is not Ready',
    why: 'The kubelet says itself that it cannot run pods, or the cluster has not heard from it.',
    fix: ['nodectl logs kubelet', 'kubectl describe node NAME'],
    exit: 'kubelet',
  },
  ND743: {
    title: 'the node’s lease is old',
    why: 'The kubelet renews it every 10 s; after 40 s the cluster calls the node NotReady.',
    fix: ['nodectl logs kubelet', 'sudo nodectl restart kubelet'],
    exit: 'kubelet',
  },
  ND744: {
    title: 'the node is under pressure',
    why: 'Memory, disk or process numbers are short: the node takes no more pods and may end some.',
    fix: ['df -h; free -m', 'kubectl describe node NAME'],
    exit: 'kubelet',
  },
  ND740: {
    title: 'somebody keeps changing the service rules',
    why: 'The kernel holds other service rules than the proxy committed. It repairs them within a second: whoever it is changes them again and again.',
    fix: [
      'sudo nft monitor (it names the process of each change)',
      'Stop who flushes or rewrites all rules: a firewall that restarts, `flush ruleset` in a timer, another proxy.',
    ],
    exit: 'kubelet',
  },
  ND745: {
    title: 'forwarded packets are dropped',
    why: 'A chain of another program drops what is not for this machine itself (Docker does so): pods reach nothing.',
    fix: ['sudo iptables -P FORWARD ACCEPT', 'sudo nft list ruleset | grep -A3 "hook forward"'],
    exit: 'kubelet',
  },
  ND746: {
    title: 'iptables rules of both kinds',
    why: 'Some programs wrote rules with iptables-legacy, others with iptables-nft: both apply, and neither sees the other’s.',
    fix: [
      'sudo iptables-legacy-save',
      'sudo update-alternatives --config iptables, then write the legacy rules anew.',
    ],
    exit: 'kubelet',
  },
  ND747: {
    title: 'nobody restarts the daemons',
    why: 'systemd is not PID 1 here, and nodectl’s own supervisor has ended: the daemons go on, but who ends stays down.',
    fix: ['sudo nodectl restart kubelet (starts the supervisor too; pods go on)'],
    exit: 'kubelet',
  },
  ND748: {
    title: 'service rules are behind',
    why: 'The proxy knows of changes that are not in the kernel yet: Services answer as they were before.',
    fix: ['nodectl logs proxy', 'sudo nodectl restart proxy'],
    exit: 'kubelet',
  },
  ND749: {
    title: 'nobody serves Services here',
    why: 'Neither kube-proxy or its replacement nor the proxy of nodectl is on this node: no ClusterIP answers its pods.',
    fix: [
      'kubectl -n kube-system get daemonsets',
      'sudo nodectl join … --proxy nodectl --proxy-kubeconfig FILE, where the cluster brings none',
    ],
    exit: 'kubelet',
  },
});

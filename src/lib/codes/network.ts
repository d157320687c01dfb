import {entries} from './entry.ts';

/** ND3xx: reaching the cluster. */
export const networkCodes = entries({
  ND301: {
    title: 'API server unreachable',
    why: 'No TCP or TLS connection to the API server could be made: wrong address, firewall, or the server is down.',
    fix: ['curl -k https://HOST:PORT/healthz from this machine.'],
    exit: 'network',
  },
  ND302: {
    title: 'API request failed',
    why: 'The API server answered with an error.',
    fix: ['nodectl status'],
    exit: 'network',
  },
  ND303: {
    title: 'kubeconfig unusable',
    why: 'A kubeconfig cannot be read, is incomplete, or asks for something that nodectl does not support.',
    fix: ['kubectl --kubeconfig FILE config view'],
    exit: 'usage',
  },
  ND311: {
    title: 'connection refused',
    why: 'The machine at that address answers, but nothing listens on the port: the API server is down, or the port is wrong.',
    fix: [
      'curl -k https://HOST:PORT/healthz from this machine.',
      'Look at the API server on the control-plane node.',
    ],
    exit: 'network',
  },
  ND312: {
    title: 'no answer from the API server',
    why: 'Packets get no answer: a firewall drops them, the address is wrong, or the machine is down.',
    fix: ['curl -kv --max-time 5 https://HOST:PORT/healthz', 'Open TCP 6443 to the control plane.'],
    exit: 'network',
  },
  ND313: {
    title: 'API server’s name not found',
    why: 'DNS gives no address for the name of the API server.',
    fix: ['getent hosts NAME', 'Correct the name, /etc/hosts or the DNS servers in /etc/resolv.conf.'],
    exit: 'network',
  },
  ND314: {
    title: 'not a TLS server',
    why: 'Something answers at that address, but it does not speak TLS: wrong port, or a proxy in the way.',
    fix: ['The API server’s port is usually 6443.'],
    exit: 'network',
  },
  ND315: {
    title: 'not a kubeadm-style API server',
    why: 'A TLS server answers there, but not with kube-public/cluster-info: no Kubernetes API, or a cluster without token discovery.',
    fix: [
      'curl -k https://HOST:PORT/api/v1/namespaces/kube-public/configmaps/cluster-info',
      'For clusters without token discovery give --discovery-file KUBECONFIG.',
    ],
    exit: 'network',
  },
  ND316: {
    title: 'clocks differ',
    why: 'Tokens and certificates have dates: with a wrong clock good ones look expired or not valid yet.',
    fix: ['sudo timedatectl set-ntp true', 'date -u, here and on the control plane.'],
    exit: 'network',
  },
  ND317: {
    title: 'the cluster’s own address is unreachable',
    why: 'The address in cluster-info, which this node will use from now on, cannot be reached from here.',
    fix: [
      'kubectl -n kube-public get configmap cluster-info -o yaml shows the address.',
      'Make it reachable, or correct controlPlaneEndpoint.',
    ],
    exit: 'network',
  },
  ND318: {
    title: 'large packets are lost',
    why: 'Small packets reach the API server, full ones do not: a link on the way has a smaller MTU, and the ICMP that says so is dropped.',
    fix: [
      'sudo ip link set dev eth0 mtu 1400, to try',
      'Let ICMP “fragmentation needed” pass, or set the MTU of the network.',
    ],
    exit: 'network',
  },
  ND319: {
    title: 'a firewall closes the kubelet’s port',
    why: 'The API server connects to this node’s port 10250 for logs, exec and metrics; a rule of this machine drops that.',
    fix: [
      'sudo ufw allow 10250/tcp',
      'sudo firewall-cmd --permanent --add-port=10250/tcp && sudo firewall-cmd --reload',
    ],
    exit: 'network',
  },
  ND320: {
    title: 'cluster DNS does not answer',
    why: 'Pods of this node ask that address for every name: they find no Service and no host.',
    fix: ['kubectl -n kube-system get pods,endpointslices -l k8s-app=kube-dns', 'nodectl status --probe'],
    exit: 'network',
  },
  ND321: {
    title: 'address ranges overlap',
    why: 'The machine’s own network contains addresses that the cluster gives to pods or Services: packets go to the wrong one.',
    fix: ['ip route', 'Give the cluster another pod or service range, or the machine another network.'],
    exit: 'network',
  },
});

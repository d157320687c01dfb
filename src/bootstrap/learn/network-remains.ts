/** What network add-ons leave behind when their pods are gone; physical links have none of these names. */
export const networkLinks = [
  'cni0',
  'flannel.1',
  'flannel-v6.1',
  'flannel-wg',
  'cilium_vxlan',
  'cilium_geneve',
  'cilium_host',
  'vxlan.calico',
  'vxlan-v6.calico',
  'antrea-gw0',
  'kube-ipvs0',
  'kube-bridge',
  'kube-dummy-if',
  'nodelocaldns',
  'weave',
];

/** Directories that add-ons and plugins make for themselves on a node. */
export const networkTrees = [
  '/var/lib/cni',
  '/run/flannel',
  '/run/calico',
  '/var/lib/calico',
  '/var/log/calico',
  '/run/cilium',
  '/var/lib/weave',
];

/** Of kube-proxy and of network add-ons, and nobody else's. */
export const proxyTables = [
  ...['kube-proxy', 'calico'].flatMap((name) => [`ip ${name}`, `ip6 ${name}`]),
  'ip flannel-ipv4',
  'ip6 flannel-ipv6',
];

const chainsOf: Readonly<Record<string, readonly string[]>> = {
  filter: ['INPUT', 'FORWARD', 'OUTPUT'],
  nat: ['PREROUTING', 'INPUT', 'OUTPUT', 'POSTROUTING'],
  mangle: ['PREROUTING', 'INPUT', 'FORWARD', 'OUTPUT', 'POSTROUTING'],
  raw: ['PREROUTING', 'OUTPUT'],
};

/** Tables that iptables-nft makes on the first rule of a plugin. */
export const iptablesTables = ['ip', 'ip6'].flatMap((family) =>
  ['filter', 'nat', 'mangle', 'raw'].map((table) => `${family} ${table}`),
);

/** What iptables-nft itself has in them, each chain from the first rule in it on: `ip filter INPUT`. */
export const iptablesChains = iptablesTables.flatMap((table) =>
  (chainsOf[table.split(' ')[1] ?? ''] ?? []).map((chain) => `${table} ${chain}`),
);

/** The tables of iptables-legacy are the kernel's own: what was put into them can go, they stay. */
export const legacyTables = iptablesTables.map((table) => `legacy ${table}`);

/** Chains and rules of CNI plugins, network add-ons, kube-proxy and kubelets in the tables of either iptables. */
export const pluginChains = /^(CNI-|KUBE-|FLANNEL-|cali-|CILIUM_|ANTREA-|WEAVE)/;

/** What our own proxy and the cluster's kube-proxy set (KubeProxyConfiguration.conntrack, localhost node ports). */
export const proxySettings = [
  'net.netfilter.nf_conntrack_max',
  'net.netfilter.nf_conntrack_buckets',
  'net.netfilter.nf_conntrack_tcp_timeout_established',
  'net.netfilter.nf_conntrack_tcp_timeout_close_wait',
  'net.netfilter.nf_conntrack_tcp_be_liberal',
  'net.netfilter.nf_conntrack_udp_timeout',
  'net.netfilter.nf_conntrack_udp_timeout_stream',
  'net.ipv4.conf.all.route_localnet',
];

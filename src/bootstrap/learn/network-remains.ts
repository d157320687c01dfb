/** What network add-ons leave behind when their pods are gone; physical links have none of these names. */
export const networkLinks = [
  'cni0',
  'flannel.1',
  'flannel-v6.1',
  'cilium_vxlan',
  'cilium_host',
  'vxlan.calico',
  'kube-ipvs0',
  'kube-bridge',
  'weave',
];

/** kube-proxy's own, and nobody else's. */
export const proxyTables = ['ip kube-proxy', 'ip6 kube-proxy'];

/** Chains and rules of CNI plugins, of kube-proxy and of kubelets in tables that iptables-nft made for them. */
export const pluginChains = /^(CNI-|KUBE-)/;

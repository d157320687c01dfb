import type {Pod} from '../lib/kubernetes.ts';

/** Who serves Services on this node beside or instead of us, in a person's words; undefined when nobody does. */
export function foreignProxy(
  pods: readonly Pod[],
  nft: {readonly tables: readonly string[]; readonly chains: readonly string[]},
): string | undefined {
  const pod = pods.find(isProxy);
  if (pod !== undefined) return `pod ${pod.metadata.namespace ?? ''}/${pod.metadata.name}`;
  const rules = nft.tables.find((name) => name.endsWith(' kube-proxy')) ?? kubeProxyChain(nft.chains);
  return rules === undefined ? undefined : `the rules ${rules} of kube-proxy`;
}

/** kube-proxy's iptables mode jumps through KUBE-SERVICES; so does ours, but a chain beside it says that it is ours. */
export function kubeProxyChain(chains: readonly string[]): string | undefined {
  return chains.find(
    (name) =>
      name.endsWith(' nat KUBE-SERVICES') &&
      !chains.includes(name.replace('KUBE-SERVICES', 'KUBE-PROXY-NODECTL')),
  );
}

/** By the labels of their own manifests; clouds and RKE2 call kube-proxy a component. */
function isProxy({metadata, spec}: Pod): boolean {
  const {'k8s-app': label = '', component = '', app = ''} = metadata.labels ?? {};
  if (['kube-proxy', 'kube-router', 'antrea-agent'].includes(label)) return true;
  if (component === 'kube-proxy' || app === 'ovnkube-node') return true;
  const containers = spec?.containers ?? [];
  return label === 'calico-node' ? usesEbpf(containers) : label === 'cilium' && replacesProxy(containers);
}

/** Calico serves Services in its eBPF mode only. */
function usesEbpf(containers: NonNullable<Pod['spec']>['containers']): boolean {
  return containers.some(({env = []}) =>
    env.some(({name, value}) => name === 'FELIX_BPFENABLED' && value === 'true'),
  );
}

/** Cilium's Helm chart gives the agent the API server's own address just when it replaces kube-proxy. */
function replacesProxy(containers: NonNullable<Pod['spec']>['containers']): boolean {
  return containers.some(({env = []}) => env.some(({name}) => name === 'KUBERNETES_SERVICE_HOST'));
}

/** For an administrator: kubeadm's DaemonSet leaves this node out, by the label that every node has. */
export function excludeCommand(nodeName: string): string {
  const expression = {key: 'kubernetes.io/hostname', operator: 'NotIn', values: [nodeName]};
  const nodeAffinity = {
    requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [expression]}]},
  };
  const patch = {spec: {template: {spec: {affinity: {nodeAffinity}}}}};
  return `kubectl -n kube-system patch daemonset kube-proxy --type merge -p '${JSON.stringify(patch)}'`;
}

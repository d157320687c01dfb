/** Where systemd-resolved writes the servers that it asks (systemd-resolved.service(8)). */
export const resolvedConf = '/run/systemd/resolve/resolv.conf';

/** Whether nobody but a stub of this very machine would answer: pods cannot reach that, and CoreDNS asks itself. */
export function namesNoServer(resolvConf: string): boolean {
  const servers = [...resolvConf.matchAll(/^\s*nameserver\s+(\S+)/gm)].map(([, address = '']) => address);
  return servers.every((address) => address.startsWith('127.') || address === '::1');
}

/**
 * Which resolv.conf pods get: the cluster's kubelet-config may name one, as kubeadm keeps it; but what a control plane
 * with systemd-resolved wrote there means nothing on a machine without it.
 */
export function chooseResolvConf(
  cluster: unknown,
  machine: {readonly resolvConf: string | undefined; readonly resolved: boolean},
): string | undefined {
  if (typeof cluster !== 'string') return machine.resolvConf;
  return cluster === resolvedConf && !machine.resolved ? '/etc/resolv.conf' : cluster;
}

import {existsSync} from 'node:fs';

/**
 * Go's net.Listen, for which Kubernetes' defaults are made: 0.0.0.0 is every address of both families where the kernel
 * has IPv6. Node takes it for those of IPv4 alone, and an API server would not reach a kubelet by IPv6.
 */
export function listenHost(host: string, hasIpv6 = existsSync('/proc/net/if_inet6')): string {
  return host === '0.0.0.0' && hasIpv6 ? '::' : host;
}

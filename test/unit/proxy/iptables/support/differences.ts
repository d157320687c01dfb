import type {Flow} from '../../support/vectors.ts';

/**
 * Where kube-proxy's iptables mode leaves a packet alone and its nftables mode does not: ports that a Service does not
 * have and addresses that no Service has; and what the node itself sends to an external address without endpoints,
 * as KUBE-EXTERNAL-SERVICES is not asked for OUTPUT.
 */
const untouched: ReadonlySet<string> = new Set([
  'a service without endpoints: another port of the ClusterIP',
  'ClusterIPs: the port of another protocol',
  'ClusterIPs: the port of another protocol, UDP',
  'ClusterIPs: a wrong port',
  'ClusterIPs: a wrong port from the node',
  'ClusterIPs: a wrong port from outside',
  'ClusterIPs: an address of no service',
  'ClusterIPs: an address of no service, from outside',
  'externalTrafficPolicy Local, no endpoints: node to load balancer',
  'externalTrafficPolicy Local, no endpoints: node to externalIP',
]);

export function expectedOf(vector: {readonly name: string}, flow: Flow): Flow['expect'] {
  return untouched.has(`${vector.name}: ${flow.name}`) ? 'NONE' : flow.expect;
}

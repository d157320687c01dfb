import type {Service} from '../../../lib/kubernetes.ts';

export const isHeadless = (service: Service) =>
  service.spec.clusterIP === 'None' || service.spec.clusterIPs?.[0] === 'None';

export const hasNodePorts = ({spec}: Service) =>
  spec.type === 'NodePort' || (spec.type === 'LoadBalancer' && spec.allocateLoadBalancerNodePorts !== false);

export const isExternal = ({spec}: Service) =>
  spec.type === 'NodePort' ||
  spec.type === 'LoadBalancer' ||
  (spec.type === 'ClusterIP' && (spec.externalIPs ?? []).length > 0);

/** pkg/apis/core/v1.SetDefaults_Service. */
export function defaultService(service: Service): void {
  const {spec} = service;
  spec.sessionAffinity ||= 'None';
  if (
    spec.sessionAffinity === 'ClientIP' &&
    spec.sessionAffinityConfig?.clientIP?.timeoutSeconds === undefined
  )
    spec.sessionAffinityConfig = {clientIP: {timeoutSeconds: 10_800}};
  if (spec.sessionAffinity === 'None') delete spec.sessionAffinityConfig;
  spec.type ||= 'ClusterIP';
  for (const port of spec.ports ?? []) {
    port.protocol ||= 'TCP';
    port.targetPort ||= port.port;
  }
  if (isExternal(service)) spec.externalTrafficPolicy ||= 'Cluster';
  if (spec.type !== 'ExternalName') spec.internalTrafficPolicy ??= 'Cluster';
  if (spec.type === 'LoadBalancer') {
    spec.allocateLoadBalancerNodePorts ??= true;
    for (const ingress of service.status?.loadBalancer?.ingress ?? [])
      if (ingress.ip) ingress.ipMode ??= 'VIP';
  }
  service.status ??= {loadBalancer: {}};
}

/** registry/core/service: what an update leaves out and what a change of type takes away. */
export function carryOver(now: Service, before: Service): void {
  if (now.spec.type === 'ExternalName') {
    for (const key of [
      'clusterIP',
      'clusterIPs',
      'ipFamilies',
      'ipFamilyPolicy',
      'internalTrafficPolicy',
    ] as const)
      if (before.spec.type !== 'ExternalName') delete now.spec[key];
    return;
  }
  if (before.spec.type !== 'ExternalName') {
    now.spec.clusterIP ||= before.spec.clusterIP;
    now.spec.clusterIPs = now.spec.clusterIPs?.length ? now.spec.clusterIPs : before.spec.clusterIPs?.slice();
    now.spec.ipFamilies = now.spec.ipFamilies?.length ? now.spec.ipFamilies : before.spec.ipFamilies?.slice();
    now.spec.ipFamilyPolicy ??= before.spec.ipFamilyPolicy;
  }
  dropUnused(now, before);
  if (hasNodePorts(now) && hasNodePorts(before)) keepNodePorts(now, before);
  if (needsHealthPort(now) && needsHealthPort(before))
    now.spec.healthCheckNodePort ??= before.spec.healthCheckNodePort;
}

export const needsHealthPort = ({spec}: Service) =>
  spec.type === 'LoadBalancer' && spec.externalTrafficPolicy === 'Local';

/** Fields that belong to the former type and were sent back unchanged go away with it. */
function dropUnused(now: Service, before: Service): void {
  if (hasNodePorts(before) && !hasNodePorts(now))
    for (const port of now.spec.ports ?? [])
      if (before.spec.ports?.some((old) => old.nodePort === port.nodePort)) delete port.nodePort;
  if (!isExternal(now) && now.spec.externalTrafficPolicy === before.spec.externalTrafficPolicy)
    delete now.spec.externalTrafficPolicy;
  if (!needsHealthPort(now) && now.spec.healthCheckNodePort === before.spec.healthCheckNodePort)
    delete now.spec.healthCheckNodePort;
  if (now.spec.type !== 'LoadBalancer' && before.spec.type === 'LoadBalancer') {
    delete now.spec.allocateLoadBalancerNodePorts;
    delete now.spec.loadBalancerClass;
  }
}

/** A port that is there as before but names no node port keeps the one it had. */
function keepNodePorts(now: Service, before: Service): void {
  const used = new Set((now.spec.ports ?? []).map((p) => `${p.protocol}/${p.nodePort}`));
  for (const port of now.spec.ports ?? []) {
    if (port.nodePort) continue;
    const old = before.spec.ports?.find((p) => p.port === port.port && p.protocol === port.protocol);
    if (old?.nodePort && !used.has(`${port.protocol}/${old.nodePort}`)) port.nodePort = old.nodePort;
  }
}

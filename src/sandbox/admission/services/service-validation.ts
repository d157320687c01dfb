import {checkLabels} from '../../../config/pod/validation/labels.ts';
import {
  dnsLabel,
  dnsSubdomain,
  portName,
  portNumber,
  qualifiedName,
} from '../../../config/pod/validation/names.ts';
import type {Service} from '../../../lib/kubernetes.ts';
import type {Problems} from '../problems.ts';
import {familyOf} from './address-range.ts';
import {isExternal, isHeadless} from './service-defaults.ts';

/** core/validation.validateService. */
export function checkService(problems: Problems, service: Service): void {
  const {spec} = service;
  const ports = spec.ports ?? [];
  if (ports.length === 0 && !isHeadless(service) && spec.type !== 'ExternalName')
    problems.required('spec.ports');
  problems.oneOf('spec.type', spec.type, ['ClusterIP', 'ExternalName', 'LoadBalancer', 'NodePort']);
  problems.oneOf('spec.sessionAffinity', spec.sessionAffinity, ['ClientIP', 'None']);
  problems.oneOf('spec.internalTrafficPolicy', spec.internalTrafficPolicy, ['Cluster', 'Local']);
  checkType(problems, service);
  checkLabels(problems, spec.selector, 'spec.selector');
  checkPorts(problems, service);
  checkAffinity(problems, service);
  checkExternalPolicy(problems, service);
  for (const [at, ip] of (spec.externalIPs ?? []).entries())
    if (familyOf(ip) === undefined)
      problems.invalid(
        `spec.externalIPs[${at}]`,
        ip,
        'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      );
  if ((spec.loadBalancerSourceRanges ?? []).length > 0 && spec.type !== 'LoadBalancer')
    problems.forbidden('spec.loadBalancerSourceRanges', "may only be used when `type` is 'LoadBalancer'");
  if (spec.allocateLoadBalancerNodePorts !== undefined && spec.type !== 'LoadBalancer')
    problems.forbidden(
      'spec.allocateLoadBalancerNodePorts',
      "may only be used when `type` is 'LoadBalancer'",
    );
}

function checkType(problems: Problems, service: Service): void {
  const {spec} = service;
  if ((spec.type === 'LoadBalancer' || spec.type === 'NodePort') && isHeadless(service))
    problems.invalid('spec.clusterIPs[0]', 'None', `may not be set to 'None' for ${spec.type} services`);
  if (spec.type !== 'ExternalName') return;
  if ((spec.clusterIPs ?? []).length > 0)
    problems.forbidden('spec.clusterIPs', 'may not be set for ExternalName services');
  if ((spec.ipFamilies ?? []).length > 0)
    problems.forbidden('spec.ipFamilies', 'may not be set for ExternalName services');
  if (spec.ipFamilyPolicy !== undefined)
    problems.forbidden('spec.ipFamilyPolicy', 'may not be set for ExternalName services');
  const name = (spec.externalName ?? '').replace(/\.$/, '');
  if (name === '') problems.required('spec.externalName');
  else for (const problem of dnsSubdomain(name)) problems.invalid('spec.externalName', name, problem);
}

function checkPorts(problems: Problems, service: Service): void {
  const ports = service.spec.ports ?? [];
  const [names, triples, nodePorts] = [new Set<string>(), new Set<string>(), new Set<string>()];
  for (const [at, port] of ports.entries()) {
    const path = `spec.ports[${at}]`;
    if (!port.name && ports.length > 1) problems.required(`${path}.name`);
    if (port.name) {
      for (const problem of dnsLabel(port.name)) problems.invalid(`${path}.name`, port.name, problem);
      if (names.has(port.name)) problems.duplicate(`${path}.name`, port.name);
      names.add(port.name);
    }
    for (const problem of portNumber(port.port)) problems.invalid(`${path}.port`, port.port, problem);
    problems.oneOf(`${path}.protocol`, port.protocol, ['SCTP', 'TCP', 'UDP']);
    const target = port.targetPort;
    const wrong = typeof target === 'string' ? portName(target) : portNumber(target);
    for (const problem of wrong) problems.invalid(`${path}.targetPort`, target, problem);
    if (port.appProtocol)
      for (const problem of qualifiedName(port.appProtocol))
        problems.invalid(`${path}.appProtocol`, port.appProtocol, problem);
    if (port.nodePort && service.spec.type === 'ClusterIP')
      problems.forbidden(`${path}.nodePort`, "may not be used when `type` is 'ClusterIP'");
    const nodePort = `${port.protocol}/${port.nodePort}`;
    if (port.nodePort && nodePorts.has(nodePort)) problems.duplicate(`${path}.nodePort`, port.nodePort);
    nodePorts.add(nodePort);
    const triple = `${port.protocol}/${port.port}`;
    if (triples.has(triple)) problems.duplicate(path, {port: port.port, protocol: port.protocol});
    triples.add(triple);
  }
}

function checkAffinity(problems: Problems, {spec}: Service): void {
  const seconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds;
  if (spec.sessionAffinity === 'ClientIP' && (seconds === undefined || seconds <= 0 || seconds > 86_400))
    problems.invalid(
      'spec.sessionAffinityConfig.clientIP.timeoutSeconds',
      seconds,
      'must be greater than 0 and less than 86400',
    );
}

function checkExternalPolicy(problems: Problems, service: Service): void {
  const policy = service.spec.externalTrafficPolicy;
  if (isExternal(service)) problems.oneOf('spec.externalTrafficPolicy', policy, ['Cluster', 'Local']);
  else if (policy)
    problems.invalid(
      'spec.externalTrafficPolicy',
      policy,
      'may only be set for externally-accessible services',
    );
}

/** The first ClusterIP and family are for life, except from and to ExternalName. */
export function checkServiceUpdate(problems: Problems, now: Service, before: Service): void {
  if (now.spec.type === 'ExternalName' || before.spec.type === 'ExternalName') return;
  const field = 'may not change once set';
  const [is, was] = [now.spec.clusterIPs?.[0], before.spec.clusterIPs?.[0]];
  if (was !== undefined && is !== was) problems.invalid('spec.clusterIPs[0]', now.spec.clusterIPs, field);
  const [family, old] = [now.spec.ipFamilies?.[0], before.spec.ipFamilies?.[0]];
  if (old !== undefined && family !== old) problems.invalid('spec.ipFamilies[0]', now.spec.ipFamilies, field);
  const second = before.spec.clusterIPs?.[1];
  if (second !== undefined && now.spec.clusterIPs?.[1] !== undefined && now.spec.clusterIPs[1] !== second)
    problems.invalid('spec.clusterIPs[1]', now.spec.clusterIPs, field);
}

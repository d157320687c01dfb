import type {Service} from '../../../lib/kubernetes.ts';
import {internal} from '../../status.ts';
import {checkMetadata} from '../metadata.ts';
import {Problems} from '../problems.ts';
import type {Lookup, Write} from '../types.ts';
import {familyOf, type IpFamily} from './address-range.ts';
import {type Allocators, isAddressIn} from './allocators.ts';
import {carryOver, defaultService, hasNodePorts, isHeadless, needsHealthPort} from './service-defaults.ts';
import {checkService, checkServiceUpdate} from './service-validation.ts';

/** A Service on its way in: defaults, families, validation, then addresses and ports of its own. */
export function admitService(write: Write<Service>, lookup: Lookup, allocators: Allocators): void {
  if (write.subresource !== undefined) return;
  const service = write.object;
  const problems = new Problems();
  const refuse = () => problems.throwIfAny(write.resource, service.metadata.name);
  defaultService(service);
  if (write.old !== undefined) carryOver(service, write.old);
  normalizeAddresses(problems, service);
  refuse();
  if (service.spec.type !== 'ExternalName') {
    chooseFamilies(problems, service, allocators);
    refuse();
  }
  checkMetadata(problems, service, write.resource, write.old);
  checkService(problems, service);
  if (write.old !== undefined) checkServiceUpdate(problems, service, write.old);
  refuse();
  takeAddresses(problems, service, lookup, allocators);
  takePorts(problems, service, lookup, allocators);
  refuse();
}

/** clusterIP and clusterIPs[0] are one thing said twice. */
function normalizeAddresses(problems: Problems, {spec}: Service): void {
  if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
  if (!spec.clusterIP && spec.clusterIPs?.length)
    problems.invalid('spec.clusterIPs', spec.clusterIPs, 'must be empty when `clusterIP` is not specified');
  else if (spec.clusterIP && spec.clusterIPs?.[0] !== spec.clusterIP)
    problems.invalid('spec.clusterIPs', spec.clusterIPs, 'first value must match `clusterIP`');
  for (const [at, ip] of (spec.clusterIPs ?? []).entries())
    if (ip !== 'None' && familyOf(ip) === undefined)
      problems.invalid(
        `spec.clusterIPs[${at}]`,
        ip,
        'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      );
}

/** registry/core/service/storage.initIPFamilyFields. */
function chooseFamilies(problems: Problems, service: Service, allocators: Allocators): void {
  const {spec} = service;
  const free = isHeadless(service) && Object.keys(spec.selector ?? {}).length === 0;
  spec.ipFamilyPolicy ??= free ? 'RequireDualStack' : 'SingleStack';
  problems.oneOf('spec.ipFamilyPolicy', spec.ipFamilyPolicy, [
    'SingleStack',
    'PreferDualStack',
    'RequireDualStack',
  ]);
  const families = [...(spec.ipFamilies ?? [])].filter((f): f is IpFamily => f === 'IPv4' || f === 'IPv6');
  for (const [at, ip] of (spec.clusterIPs ?? []).entries()) {
    const family = familyOf(ip);
    if (family !== undefined && families[at] === undefined) families.push(family);
  }
  const single = spec.ipFamilyPolicy === 'SingleStack';
  if (single && families.length > 1)
    problems.invalid(
      'spec.ipFamilyPolicy',
      spec.ipFamilyPolicy,
      "must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified",
    );
  const known = allocators.ranges.map((range) => range.family);
  if (!free && spec.ipFamilyPolicy === 'RequireDualStack' && known.length < 2)
    problems.invalid(
      'spec.ipFamilyPolicy',
      spec.ipFamilyPolicy,
      'this cluster is not configured for dual-stack services',
    );
  for (const [at, family] of families.entries())
    if (!free && !known.includes(family))
      problems.invalid(`spec.ipFamilies[${at}]`, family, 'not configured on this cluster');
  if (families.length === 0) families.push(known[0] ?? 'IPv4');
  if (!single && families.length === 1 && (free || known.length === 2))
    families.push(families[0] === 'IPv4' ? 'IPv6' : 'IPv4');
  spec.ipFamilies = families;
}

function takeAddresses(problems: Problems, service: Service, lookup: Lookup, allocators: Allocators): void {
  const {spec, metadata} = service;
  if (spec.type === 'ExternalName' || isHeadless(service)) return;
  const {namespace, name} = metadata;
  const given = spec.clusterIPs ?? [];
  const taken = (spec.ipFamilies ?? []).map((family, at) => {
    const ip = given[at];
    const known: IpFamily = family === 'IPv6' ? 'IPv6' : 'IPv4';
    if (ip) {
      claimGiven(problems, {service, ip, family: known}, lookup, allocators);
      return ip;
    }
    const next = allocators.nextAddress(known, {namespace, name}, lookup);
    if (next === undefined) throw internal('failed to allocate a serviceIP: range is full');
    return next;
  });
  spec.clusterIPs = taken;
  spec.clusterIP = taken[0];
}

type Given = {readonly service: Service; readonly ip: string; readonly family: IpFamily};

function claimGiven(problems: Problems, given: Given, lookup: Lookup, allocators: Allocators): void {
  const {namespace, name} = given.service.metadata;
  const refuse = (why: string) =>
    problems.invalid(
      'spec.clusterIPs',
      given.service.spec.clusterIPs,
      `failed to allocate IP ${given.ip}: ${why}`,
    );
  if (!isAddressIn(allocators, given.family, given.ip))
    refuse('the provided network does not match the current range');
  else if (!allocators.claimAddress(given.ip, {namespace, name}, lookup))
    refuse('provided IP is already allocated');
}

/** One port number may serve several protocols of one Service; a port given is taken as it is or refused. */
function takePorts(problems: Problems, service: Service, lookup: Lookup, allocators: Allocators): void {
  const {namespace, name} = service.metadata;
  const owner = {namespace, name};
  if (hasNodePorts(service)) {
    const ports = service.spec.ports ?? [];
    for (const [at, port] of ports.entries()) {
      if (!port.nodePort) continue;
      const field = `spec.ports[${at}].nodePort`;
      const claim = {protocol: port.protocol ?? 'TCP', port: port.nodePort};
      if (!allocators.portInRange(port.nodePort))
        problems.invalid(
          field,
          port.nodePort,
          `provided port is not in the valid range. The range of valid ports is ${allocators.portRangeText}`,
        );
      else if (!allocators.claimPort(claim, owner, lookup))
        problems.invalid(field, port.nodePort, 'provided port is already allocated');
    }
    if (!problems.empty) return;
    for (const port of ports) {
      if (port.nodePort) continue;
      const twin = ports.find(
        (p) => p.nodePort && p.port === port.port && p.protocol !== port.protocol,
      )?.nodePort;
      const protocol = port.protocol ?? 'TCP';
      const shared =
        twin !== undefined && allocators.claimPort({protocol, port: twin}, owner, lookup) ? twin : undefined;
      port.nodePort = shared ?? allocators.nextPort([protocol], owner, lookup);
      if (port.nodePort === undefined) throw internal('failed to allocate a nodePort: range is full');
    }
  }
  if (needsHealthPort(service) && !service.spec.healthCheckNodePort)
    service.spec.healthCheckNodePort = allocators.nextPort(['TCP'], owner, lookup);
}

import type {Obj} from '../../contract.ts';
import {type JsonObject, numberAt, objectAt, objectsAt, textAt, textsAt} from '../../json.ts';
import type {Column} from '../definition.ts';
import {ageColumn, column, nameColumn, none, text, threeOf, wide} from './shared.ts';

export const serviceColumns: readonly Column[] = [
  nameColumn,
  column('Type', text('', 'spec', 'type')),
  column('Cluster-IP', (service) => textsAt(service, 'spec', 'clusterIPs')[0] ?? none),
  column('External-IP', externalAddress),
  column('Port(s)', (service) => objectsAt(service, 'spec', 'ports').map(portText).join(',') || none),
  ageColumn,
  column('Selector', (service) => labelText(objectAt(service, 'spec', 'selector')), wide),
];

function labelText(labels: JsonObject): string {
  const parts = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return parts.sort().join(',') || none;
}

function portText(port: JsonObject): string {
  const node = numberAt(port, 'nodePort') ?? 0;
  return `${port.port}${node > 0 ? `:${node}` : ''}/${textAt(port, 'protocol') ?? 'TCP'}`;
}

function externalAddress(service: Obj): string {
  const external = textsAt(service, 'spec', 'externalIPs');
  switch (textAt(service, 'spec', 'type')) {
    case 'LoadBalancer': {
      const given = objectsAt(service, 'status', 'loadBalancer', 'ingress').map(
        (ingress) => textAt(ingress, 'ip') || textAt(ingress, 'hostname') || '',
      );
      return [...given, ...external].join(',') || '<pending>';
    }
    case 'ExternalName':
      return textAt(service, 'spec', 'externalName') ?? '';
    default:
      return external.join(',') || none;
  }
}

export const sliceColumns: readonly Column[] = [
  nameColumn,
  column('AddressType', text('', 'addressType')),
  column('Ports', (slice) => threeOf(objectsAt(slice, 'ports').map((p) => String(p.port ?? p.name ?? '*')))),
  column('Endpoints', (slice) =>
    threeOf(objectsAt(slice, 'endpoints').flatMap((e) => textsAt(e, 'addresses'))),
  ),
  ageColumn,
];

export const endpointsColumns: readonly Column[] = [
  nameColumn,
  column('Endpoints', (endpoints) => {
    const subsets = objectsAt(endpoints, 'subsets');
    return subsets.length === 0 ? none : threeOf(subsets.flatMap(subsetTexts));
  }),
  ageColumn,
];

function subsetTexts(subset: JsonObject): string[] {
  const addresses = objectsAt(subset, 'addresses').map((a) => textAt(a, 'ip') ?? '');
  const ports = objectsAt(subset, 'ports');
  if (ports.length === 0) return addresses;
  return ports.flatMap((port) => addresses.map((a) => `${a.includes(':') ? `[${a}]` : a}:${port.port}`));
}

export const serviceCidrColumns: readonly Column[] = [
  nameColumn,
  column('CIDRs', (cidr) => textsAt(cidr, 'spec', 'cidrs').join(',')),
  ageColumn,
];

export const ipAddressColumns: readonly Column[] = [
  nameColumn,
  column('ParentRef', (address) => {
    const {group, resource, namespace, name} = objectAt(address, 'spec', 'parentRef');
    const kind = group ? `${resource}.${group}` : `${resource ?? ''}`;
    return name === undefined ? none : [kind, namespace, name].filter(Boolean).join('/');
  }),
  ageColumn,
];

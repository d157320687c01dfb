import type {Obj} from '../../contract.ts';
import {listAt, numberAt, objectAt, objectsAt, textAt} from '../../json.ts';
import type {Column} from '../definition.ts';
import {ageOf, duration} from './age.ts';
import {ageColumn, boolean, column, integer, nameColumn, none, text, wide} from './shared.ts';

export const nodeColumns: readonly Column[] = [
  nameColumn,
  column('Status', nodeStatus),
  column('Roles', nodeRoles),
  ageColumn,
  column('Version', text('', 'status', 'nodeInfo', 'kubeletVersion')),
  column('Internal-IP', (node) => address(node, 'InternalIP'), wide),
  column('External-IP', (node) => address(node, 'ExternalIP'), wide),
  column('OS-Image', text('<unknown>', 'status', 'nodeInfo', 'osImage'), wide),
  column('Kernel-Version', kernel, wide),
  column('Container-Runtime', text('<unknown>', 'status', 'nodeInfo', 'containerRuntimeVersion'), wide),
];

function nodeStatus(node: Obj): string {
  const ready = objectsAt(node, 'status', 'conditions').find((c) => c.type === 'Ready');
  const status = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady';
  return objectAt(node, 'spec').unschedulable === true ? `${status},SchedulingDisabled` : status;
}

function nodeRoles(node: Obj): string {
  const prefix = 'node-role.kubernetes.io/';
  const roles = Object.entries(node.metadata.labels ?? {}).flatMap(([key, value]) => {
    if (key.startsWith(prefix) && key.length > prefix.length) return [key.slice(prefix.length)];
    return key === 'kubernetes.io/role' && value !== '' ? [value] : [];
  });
  return [...new Set(roles)].sort().join(',') || none;
}

function kernel(node: Obj): string {
  const info = objectAt(node, 'status', 'nodeInfo');
  const version = textAt(info, 'kernelVersion') || '<unknown>';
  return textAt(info, 'architecture') ? `${version} (${info.architecture})` : version;
}

function address(node: Obj, type: string): string {
  return (
    textAt(
      objectsAt(node, 'status', 'addresses').find((a) => a.type === type),
      'address',
    ) ?? none
  );
}

export const namespaceColumns: readonly Column[] = [
  nameColumn,
  column('Status', text('', 'status', 'phase')),
  ageColumn,
];

export const eventColumns: readonly Column[] = [
  column('Last Seen', lastSeen),
  column('Type', text('', 'type')),
  column('Reason', text('', 'reason')),
  column('Object', (event) => {
    const {kind = '', name = ''} = objectAt(event, 'involvedObject');
    return name === '' ? String(kind).toLowerCase() : `${String(kind).toLowerCase()}/${name}`;
  }),
  column('Subobject', text('', 'involvedObject', 'fieldPath'), wide),
  column('Source', source, wide),
  column('Message', (event) => (textAt(event, 'message') ?? '').trim()),
  column('First Seen', firstSeen, wide),
  column('Count', eventCount, {...integer, wide: true}),
  {...nameColumn, wide: true},
];

function firstSeen(event: Obj, now: number): string {
  return ageOf(textAt(event, 'firstTimestamp') ?? textAt(event, 'eventTime'), now);
}

function lastSeen(event: Obj, now: number): string {
  const last = textAt(event, 'series', 'lastObservedTime') ?? textAt(event, 'lastTimestamp');
  return last === undefined ? firstSeen(event, now) : ageOf(last, now);
}

function eventCount(event: Obj): number {
  return numberAt(event, 'series', 'count') ?? (numberAt(event, 'count') || 1);
}

function source(event: Obj): string {
  const component = textAt(event, 'source', 'component') || textAt(event, 'reportingComponent') || '';
  const host = textAt(event, 'source', 'host') || textAt(event, 'reportingInstance') || '';
  return host === '' ? component : `${component}, ${host}`;
}

export const leaseColumns: readonly Column[] = [
  nameColumn,
  column('Holder', text('', 'spec', 'holderIdentity')),
  ageColumn,
];

export const csrColumns: readonly Column[] = [
  nameColumn,
  ageColumn,
  column('SignerName', text(none, 'spec', 'signerName')),
  column('Requestor', text('', 'spec', 'username')),
  column('RequestedDuration', (csr) => {
    const seconds = numberAt(csr, 'spec', 'expirationSeconds');
    return seconds === undefined ? none : duration(seconds * 1000);
  }),
  column('Condition', csrStatus),
];

function csrStatus(csr: Obj): string {
  const types = objectsAt(csr, 'status', 'conditions').map((c) => c.type);
  const decided = types.includes('Denied') ? 'Denied' : types.includes('Approved') ? 'Approved' : 'Pending';
  const failed = types.includes('Failed') ? ',Failed' : '';
  return `${decided}${failed}${textAt(csr, 'status', 'certificate') ? ',Issued' : ''}`;
}

export const priorityClassColumns: readonly Column[] = [
  nameColumn,
  column('Value', (c) => numberAt(c, 'value') ?? 0, integer),
  column('Global-Default', (c) => c.globalDefault === true, boolean),
  ageColumn,
  column('PreemptionPolicy', text('', 'preemptionPolicy'), wide),
];

export const runtimeClassColumns: readonly Column[] = [
  nameColumn,
  column('Handler', text('', 'handler')),
  ageColumn,
];

export const roleColumns: readonly Column[] = [
  nameColumn,
  column('Created At', (role) => role.metadata.creationTimestamp ?? ''),
];

export const bindingColumns: readonly Column[] = [
  nameColumn,
  column('Role', (binding) => {
    const {kind, name} = objectAt(binding, 'roleRef');
    return `${kind}/${name}`;
  }),
  ageColumn,
  column('Users', (binding) => subjects(binding, 'User'), wide),
  column('Groups', (binding) => subjects(binding, 'Group'), wide),
  column('ServiceAccounts', (binding) => subjects(binding, 'ServiceAccount'), wide),
];

function subjects(binding: Obj, kind: string): string {
  return objectsAt(binding, 'subjects')
    .filter((subject) => subject.kind === kind)
    .map((subject) =>
      kind === 'ServiceAccount' ? `${subject.namespace}/${subject.name}` : `${subject.name}`,
    )
    .join(', ');
}

export const dataColumns: readonly Column[] = [
  nameColumn,
  column(
    'Data',
    (map) => Object.keys({...objectAt(map, 'data'), ...objectAt(map, 'binaryData')}).length,
    integer,
  ),
  ageColumn,
];

export const secretColumns: readonly Column[] = [
  nameColumn,
  column('Type', text('', 'type')),
  column('Data', (secret) => Object.keys(objectAt(secret, 'data')).length, integer),
  ageColumn,
];

export const csiNodeColumns: readonly Column[] = [
  nameColumn,
  column('Drivers', (node) => listAt(node, 'spec', 'drivers').length, integer),
  ageColumn,
];

import {isDeepStrictEqual} from 'node:util';
import {dataKey, portNumber} from '../../config/pod/validation/names.ts';
import type {
  CertificateSigningRequest,
  ConfigMap,
  EndpointSlice,
  Namespace,
  Node,
  Secret,
} from '../../lib/kubernetes.ts';
import type {User} from '../contract.ts';
import {Problems} from './problems.ts';
import type {Write} from './types.ts';

const maxDataBytes = 1024 * 1024;

export function admitNamespace({object, subresource}: Write<Namespace>): void {
  object.metadata.labels = {...object.metadata.labels, 'kubernetes.io/metadata.name': object.metadata.name};
  object.status = {...object.status, phase: object.status?.phase ?? 'Active'};
  if (subresource === undefined && object.metadata.deletionTimestamp === undefined)
    object.spec = {...object.spec, finalizers: object.spec?.finalizers ?? ['kubernetes']};
}

export function admitConfigMap(write: Write<ConfigMap>): void {
  const {object, old} = write;
  const problems = new Problems();
  checkKeys(problems, [...Object.keys(object.data ?? {}), ...Object.keys(object.binaryData ?? {})], 'data');
  checkImmutable(problems, object, old, ['data', 'binaryData']);
  problems.throwIfAny(write.resource, object.metadata.name);
}

/** stringData is for writing only: it goes into data, over what is there. */
export function admitSecret(write: Write<Secret>): void {
  const {object, old} = write;
  const problems = new Problems();
  if (object.stringData !== undefined) {
    object.data ??= {};
    for (const [key, value] of Object.entries(object.stringData))
      object.data[key] = Buffer.from(value).toString('base64');
    delete object.stringData;
  }
  object.type ||= 'Opaque';
  checkKeys(problems, Object.keys(object.data ?? {}), 'data');
  const size = Object.values(object.data ?? {}).reduce(
    (sum, value) => sum + Buffer.byteLength(value, 'base64'),
    0,
  );
  if (size > maxDataBytes) problems.tooLong('data', maxDataBytes);
  for (const key of requiredKeys[object.type] ?? [])
    if (object.data?.[key] === undefined) problems.required(`data[${key}]`);
  if (old !== undefined && old.type !== object.type)
    problems.invalid('type', object.type, 'field is immutable');
  checkImmutable(problems, object, old, ['data']);
  problems.throwIfAny(write.resource, object.metadata.name);
}

const requiredKeys: Readonly<Record<string, readonly string[]>> = {
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
};

function checkKeys(problems: Problems, keys: readonly string[], field: string): void {
  for (const key of keys)
    for (const problem of dataKey(key)) problems.invalid(`${field}[${key}]`, key, problem);
}

function checkImmutable<T extends {immutable?: boolean}>(
  problems: Problems,
  now: T,
  before: T | undefined,
  fields: readonly (keyof T & string)[],
): void {
  if (before?.immutable !== true) return;
  const why = 'field is immutable when `immutable` is set';
  if (now.immutable !== true) problems.forbidden('immutable', why);
  for (const field of fields)
    if (!isDeepStrictEqual(now[field], before[field])) problems.forbidden(field, why);
}

/** The TaintNodesByCondition plugin: a new node takes no pods until the node controller has seen it ready. */
export function admitNode({operation, object, subresource}: Write<Node>): void {
  if (object.status && object.status.allocatable === undefined && object.status.capacity !== undefined)
    object.status.allocatable = {...object.status.capacity};
  if (operation !== 'CREATE' || subresource !== undefined) return;
  const key = 'node.kubernetes.io/not-ready';
  const taints = object.spec?.taints ?? [];
  if (!taints.some((taint) => taint.key === key && taint.effect === 'NoSchedule'))
    object.spec = {...object.spec, taints: [...taints, {key, effect: 'NoSchedule'}]};
}

/** Who asks is what the server saw, never what the request claims; the rest is fixed once made. */
export function admitCsr(write: Write<CertificateSigningRequest>): void {
  const {operation, object, old, user, subresource} = write;
  const problems = new Problems();
  if (operation === 'CREATE') {
    object.spec.username = user.username;
    object.spec.uid = user.uid;
    object.spec.groups = [...user.groups];
    object.spec.extra = extraOf(user);
    object.spec.usages ??= ['digital signature', 'key encipherment'];
    object.status = {};
    if (!object.spec.signerName) problems.required('spec.signerName');
    if (!object.spec.request) problems.required('spec.request');
    const seconds = object.spec.expirationSeconds;
    if (seconds !== undefined && seconds < 600)
      problems.invalid(
        'spec.expirationSeconds',
        seconds,
        'may not specify a duration less than 600 seconds (10 minutes)',
      );
  } else if (old !== undefined && subresource === undefined) {
    object.spec = old.spec;
    object.status = old.status;
  }
  problems.throwIfAny(write.resource, object.metadata.name);
}

function extraOf(user: User): Record<string, string[]> | undefined {
  if (user.extra === undefined) return undefined;
  return Object.fromEntries(Object.entries(user.extra).map(([key, values]) => [key, [...values]]));
}

export function admitEndpointSlice(write: Write<EndpointSlice>): void {
  const {object, old} = write;
  const problems = new Problems();
  for (const port of object.ports ?? []) {
    port.name ??= '';
    port.protocol ??= 'TCP';
  }
  if (!object.addressType) problems.required('addressType');
  else problems.oneOf('addressType', object.addressType, ['FQDN', 'IPv4', 'IPv6']);
  if (old !== undefined && old.addressType !== object.addressType)
    problems.invalid('addressType', object.addressType, 'field is immutable');
  const endpoints = object.endpoints ?? [];
  if (endpoints.length > 1000) problems.tooMany('endpoints', endpoints.length, 1000);
  for (const [at, endpoint] of endpoints.entries())
    if ((endpoint.addresses ?? []).length === 0)
      problems.required(`endpoints[${at}].addresses`, 'must contain at least 1 address');
  for (const [at, port] of (object.ports ?? []).entries())
    if (port.port !== undefined)
      for (const problem of portNumber(port.port)) problems.invalid(`ports[${at}].port`, port.port, problem);
  problems.throwIfAny(write.resource, object.metadata.name);
}

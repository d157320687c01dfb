import type {Status} from '../lib/kubernetes.ts';
import type {Resource} from '../lib/resources.ts';

export type Cause = {readonly field: string; readonly message: string; readonly reason?: string};

/** An answer that is not a success: becomes a metav1.Status on the wire. */
export class StatusError extends Error {
  readonly code: number;
  readonly reason: string;
  readonly details: Status['details'];

  constructor(code: number, reason: string, message: string, details?: Status['details']) {
    super(message);
    this.name = 'StatusError';
    this.code = code;
    this.reason = reason;
    this.details = details;
  }

  toStatus(): Status {
    return {
      kind: 'Status',
      apiVersion: 'v1',
      metadata: {},
      status: 'Failure',
      message: this.message,
      reason: this.reason,
      details: this.details,
      code: this.code,
    };
  }
}

type Named = Pick<Resource, 'group' | 'plural' | 'kind'>;

/** `pods` or `deployments.apps`, as Kubernetes names a resource in its messages. */
export function qualified(resource: Named): string {
  return resource.group === '' ? resource.plural : `${resource.plural}.${resource.group}`;
}

const details = (resource: Named, name: string) => ({
  name,
  kind: resource.plural,
  ...(resource.group === '' ? {} : {group: resource.group}),
});

export const notFound = (resource: Named, name: string) =>
  new StatusError(404, 'NotFound', `${qualified(resource)} "${name}" not found`, details(resource, name));

export const noSuchPath = () =>
  new StatusError(404, 'NotFound', 'the server could not find the requested resource', {});

export const alreadyExists = (resource: Named, name: string) =>
  new StatusError(
    409,
    'AlreadyExists',
    `${qualified(resource)} "${name}" already exists`,
    details(resource, name),
  );

export const conflict = (resource: Named, name: string, why: string) =>
  new StatusError(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${qualified(resource)} "${name}": ${why}`,
    details(resource, name),
  );

export const staleVersion = (resource: Named, name: string) =>
  conflict(
    resource,
    name,
    'the object has been modified; please apply your changes to the latest version and try again',
  );

export const badRequest = (message: string) => new StatusError(400, 'BadRequest', message);

export const unauthorized = () => new StatusError(401, 'Unauthorized', 'Unauthorized');

export const forbidden = (resource: Named, name: string, why: string) =>
  new StatusError(
    403,
    'Forbidden',
    `${qualified(resource)}${name === '' ? '' : ` "${name}"`} is forbidden: ${why}`,
    details(resource, name),
  );

export const methodNotAllowed = () =>
  new StatusError(
    405,
    'MethodNotAllowed',
    'the server does not allow this method on the requested resource',
    {},
  );

export const unsupportedMediaType = (type: string) =>
  new StatusError(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - ${type || 'no content type'}`,
  );

export const notAcceptable = () =>
  new StatusError(406, 'NotAcceptable', 'only the following media types are accepted: application/json', {});

export const expired = (message: string) => new StatusError(410, 'Expired', message);

export const internal = (message: string) =>
  new StatusError(500, 'InternalError', `Internal error occurred: ${message}`);

/** 422 with one cause per field, worded as field.ErrorList is. */
export function invalid(resource: Named, name: string, causes: readonly Cause[]): StatusError {
  const lines = causes.map((c) => `${c.field}: ${c.message}`);
  const text = lines.length === 1 ? lines[0] : `[${lines.join(', ')}]`;
  return new StatusError(422, 'Invalid', `${kindName(resource)} "${name}" is invalid: ${text}`, {
    name,
    kind: resource.kind,
    ...(resource.group === '' ? {} : {group: resource.group}),
    causes: causes.map((c) => ({
      reason: c.reason ?? 'FieldValueInvalid',
      message: c.message,
      field: c.field,
    })),
  });
}

function kindName(resource: Named): string {
  return resource.group === '' ? resource.kind : `${resource.kind}.${resource.group}`;
}

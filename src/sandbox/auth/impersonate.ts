import type {IncomingHttpHeaders} from 'node:http';
import type {User} from '../contract.ts';
import {badRequest} from '../status.ts';
import type {Attributes} from './attributes.ts';

const serviceAccount = /^system:serviceaccount:([^:]+):([^:]+)$/;

/** `kubectl --as`: the user whose rights a request shall have, once its sender may impersonate them. */
export function impersonated(
  sender: User,
  headers: IncomingHttpHeaders,
  authorize: (attributes: Attributes) => void,
): User {
  const username = only(headers['impersonate-user']);
  const groups = several(headers['impersonate-group']);
  const uid = only(headers['impersonate-uid']);
  if (username === undefined) {
    if (groups.length > 0 || uid !== undefined)
      throw badRequest('requested impersonation without impersonating a user');
    return sender;
  }
  const may = (plural: string, name: string, namespace?: string, group = '') =>
    authorize({
      user: sender,
      verb: 'impersonate',
      path: '',
      resource: {group, plural, subresource: undefined, namespace, name},
    });
  const account = serviceAccount.exec(username);
  if (account === null) may('users', username);
  else may('serviceaccounts', account[2] ?? '', account[1]);
  for (const group of groups) may('groups', group);
  if (uid !== undefined) may('uids', uid, undefined, 'authentication.k8s.io');
  return {username, ...(uid === undefined ? {} : {uid}), groups: groupsOf(username, groups, account?.[1])};
}

function groupsOf(username: string, given: readonly string[], namespace: string | undefined): string[] {
  const own =
    given.length === 0 && namespace !== undefined
      ? ['system:serviceaccounts', `system:serviceaccounts:${namespace}`]
      : [...given];
  const standard = username === 'system:anonymous' ? 'system:unauthenticated' : 'system:authenticated';
  return own.includes(standard) ? own : [...own, standard];
}

function only(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

/** Node joins repeated headers with a comma and a space. */
function several(header: string | string[] | undefined): string[] {
  if (header === undefined) return [];
  return [header].flat().flatMap((value) => value.split(', '));
}

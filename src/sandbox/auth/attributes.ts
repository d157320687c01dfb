import type {User} from '../contract.ts';
import {forbidden, StatusError} from '../status.ts';

/** What is asked of an authorizer: SubjectAccessReview's fields. */
export type Attributes = {
  readonly user: User;
  readonly verb: string;
  readonly path: string;
  readonly resource?: ResourceAttributes;
};

export type ResourceAttributes = {
  readonly group: string;
  readonly plural: string;
  readonly subresource: string | undefined;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly fieldSelector?: string;
};

export type Verdict = {readonly allowed: boolean; readonly reason: string};
export type Authorizer = (attributes: Attributes) => Verdict;

/** kube-apiserver's sentence for a refusal. */
export function refusedAccess({user, verb, path, resource}: Attributes, reason: string): StatusError {
  const because = reason === '' ? '' : `: ${reason}`;
  if (resource === undefined)
    return new StatusError(
      403,
      'Forbidden',
      `forbidden: User "${user.username}" cannot ${verb} path "${path}"${because}`,
      {},
    );
  const {group, plural, subresource, namespace, name} = resource;
  const what = subresource === undefined ? plural : `${plural}/${subresource}`;
  const scope = namespace === undefined ? 'at the cluster scope' : `in the namespace "${namespace}"`;
  return forbidden(
    {group, plural, kind: ''},
    name ?? '',
    `User "${user.username}" cannot ${verb} resource "${what}" in API group "${group}" ${scope}${because}`,
  );
}

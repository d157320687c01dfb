import type {Obj, User} from '../contract.ts';
import {type JsonObject, objectAt, objectsAt, textAt, textsAt} from '../json.ts';
import {keyOf, type Store} from '../store/store.ts';
import type {Attributes, Authorizer} from './attributes.ts';

const group = 'rbac.authorization.k8s.io';

export type Rule = {
  readonly verbs: readonly string[];
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames: readonly string[];
  readonly nonResourceURLs: readonly string[];
};

/** Role-based access control, evaluated on the stored roles and bindings. */
export function rbacAuthorizer(store: Store): Authorizer {
  return (attributes) => {
    for (const {rules, source} of rulesFor(store, attributes.user, attributes.resource?.namespace))
      if (rules.some((rule) => covers(rule, attributes)))
        return {allowed: true, reason: `RBAC: allowed by ${source}`};
    return {allowed: false, reason: ''};
  };
}

export type Granted = {readonly rules: readonly Rule[]; readonly source: string};

/** Every rule that a user has, cluster-wide and in a namespace. */
export function* rulesFor(store: Store, user: User, namespace: string | undefined): Iterable<Granted> {
  for (const {object} of store.values(`${group}/clusterrolebindings`))
    if (isSubject(object, user, undefined))
      yield granted(store, object, undefined, `ClusterRoleBinding "${object.metadata.name}"`);
  if (namespace === undefined) return;
  for (const {object} of store.values(`${group}/rolebindings`))
    if (object.metadata.namespace === namespace && isSubject(object, user, namespace))
      yield granted(store, object, namespace, `RoleBinding "${object.metadata.name}/${namespace}"`);
}

function granted(store: Store, binding: Obj, namespace: string | undefined, source: string): Granted {
  const {kind, name} = objectAt(binding, 'roleRef');
  const key = keyOf(kind === 'Role' ? namespace : undefined, String(name));
  const role = store.get(`${group}/${kind === 'Role' ? 'roles' : 'clusterroles'}`, key)?.object;
  return {rules: objectsAt(role, 'rules').map(ruleOf), source: `${source} of ${kind} "${name}"`};
}

function ruleOf(rule: JsonObject): Rule {
  return {
    verbs: textsAt(rule, 'verbs'),
    apiGroups: textsAt(rule, 'apiGroups'),
    resources: textsAt(rule, 'resources'),
    resourceNames: textsAt(rule, 'resourceNames'),
    nonResourceURLs: textsAt(rule, 'nonResourceURLs'),
  };
}

function isSubject(binding: Obj, user: User, namespace: string | undefined): boolean {
  return objectsAt(binding, 'subjects').some((subject) => {
    const name = textAt(subject, 'name') ?? '';
    switch (subject.kind) {
      case 'User':
        return name === user.username;
      case 'Group':
        return user.groups.includes(name);
      default:
        return (
          subject.kind === 'ServiceAccount' &&
          user.username === `system:serviceaccount:${textAt(subject, 'namespace') ?? namespace ?? ''}:${name}`
        );
    }
  });
}

export function covers(rule: Rule, {verb, path, resource}: Attributes): boolean {
  if (!has(rule.verbs, verb)) return false;
  if (resource === undefined) return rule.nonResourceURLs.some((url) => matchesPath(url, path));
  if (!has(rule.apiGroups, resource.group)) return false;
  const {plural, subresource, name} = resource;
  const full = subresource === undefined ? plural : `${plural}/${subresource}`;
  const named = rule.resources.some(
    (r) => r === '*' || r === full || (subresource !== undefined && r === `*/${subresource}`),
  );
  return (
    named && (rule.resourceNames.length === 0 || (name !== undefined && rule.resourceNames.includes(name)))
  );
}

function has(list: readonly string[], wanted: string): boolean {
  return list.includes('*') || list.includes(wanted);
}

function matchesPath(url: string, path: string): boolean {
  return url === '*' || url === path || (url.endsWith('*') && path.startsWith(url.slice(0, -1)));
}

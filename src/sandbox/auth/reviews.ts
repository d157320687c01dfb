import {json} from '../api/http/request.ts';
import type {Special} from '../api/operations/operations.ts';
import type {Registry} from '../api/registry.ts';
import type {User} from '../contract.ts';
import {isObject, type JsonObject, listAt, objectAt, objectsAt, textAt, textsAt} from '../json.ts';
import {badRequest} from '../status.ts';
import type {Attributes, Authorizer} from './attributes.ts';
import type {CheckToken} from './authenticate.ts';
import {rulesFor} from './rbac.ts';
import type {ServiceAccountTokens} from './service-account-tokens.ts';

type Parts = {
  readonly registry: Registry;
  readonly tokens: ServiceAccountTokens;
  readonly checkToken: CheckToken;
  readonly authorizer: Authorizer;
};

const authentication = 'authentication.k8s.io';
const authorization = 'authorization.k8s.io';

/** The kinds that are questions: what a token is, what somebody may do. Nothing of them is stored. */
export function reviews(parts: Parts): [string, Special][] {
  return [
    [`${authentication}/tokenreviews`, tokenReview(parts)],
    [
      `${authentication}/selfsubjectreviews`,
      (_target, request) => answered(request.body, selfSubject(request.user)),
    ],
    [
      `${authorization}/subjectaccessreviews`,
      (_target, request) => access(parts, request.body, namedUser(request.body)),
    ],
    [
      `${authorization}/localsubjectaccessreviews`,
      (_target, request) => access(parts, request.body, namedUser(request.body)),
    ],
    [
      `${authorization}/selfsubjectaccessreviews`,
      (_target, request) => access(parts, request.body, request.user),
    ],
    [
      `${authorization}/selfsubjectrulesreviews`,
      (_target, request) => rulesReview(parts, request.body, request.user),
    ],
  ];
}

function answered(body: unknown, status: object) {
  const review = isObject(body) ? body : {};
  return json(201, {...review, metadata: objectAt(review, 'metadata'), status});
}

function userInfo({username, uid, groups, extra}: User): object {
  return {username, ...(uid === undefined ? {} : {uid}), groups, ...(extra === undefined ? {} : {extra})};
}

function selfSubject(user: User): object {
  return {userInfo: userInfo(user)};
}

function tokenReview({checkToken, tokens}: Parts): Special {
  return async (_target, request) => {
    const token = textAt(request.body, 'spec', 'token') ?? '';
    if (token === '') throw badRequest('token is required for TokenReview in authentication');
    const asked = textsAt(request.body, 'spec', 'audiences');
    const found = await checkToken(token, asked.length > 0 ? asked : [tokens.audience]);
    if (found === undefined)
      return answered(request.body, {user: {}, error: '[invalid bearer token, Token has been invalidated]'});
    return answered(request.body, {
      authenticated: true,
      user: userInfo(found.user),
      audiences: found.audiences,
    });
  };
}

function namedUser(body: unknown): User {
  const spec = objectAt(body, 'spec');
  const username = textAt(spec, 'user') ?? '';
  const groups = textsAt(spec, 'groups');
  if (username === '' && groups.length === 0)
    throw badRequest('spec.user: Invalid value: "": at least one of user or group must be specified');
  return {username, groups};
}

function access({authorizer}: Parts, body: unknown, user: User) {
  const {allowed, reason} = authorizer(attributesOf(objectAt(body, 'spec'), user));
  return answered(body, {allowed, ...(reason === '' ? {} : {reason})});
}

function attributesOf(spec: JsonObject, user: User): Attributes {
  const asked = spec.resourceAttributes;
  if (!isObject(asked)) {
    const {path = '', verb = ''} = objectAt(spec, 'nonResourceAttributes');
    return {user, path: String(path), verb: String(verb)};
  }
  const text = (field: string) => textAt(asked, field) || undefined;
  return {
    user,
    path: '',
    verb: text('verb') ?? '',
    resource: {
      group: text('group') ?? '',
      plural: text('resource') ?? '',
      subresource: text('subresource'),
      namespace: text('namespace'),
      name: text('name'),
      fieldSelector: textAt(asked, 'fieldSelector', 'rawSelector') ?? requirements(asked),
    },
  };
}

function requirements(asked: JsonObject): string {
  return objectsAt(asked, 'fieldSelector', 'requirements')
    .filter((r) => r.operator === 'In' && listAt(r, 'values').length === 1)
    .map((r) => `${r.key}=${textsAt(r, 'values')[0]}`)
    .join(',');
}

function rulesReview({registry}: Parts, body: unknown, user: User) {
  const namespace = textAt(body, 'spec', 'namespace');
  if (!namespace) throw badRequest('no namespace on request');
  const rules = [...rulesFor(registry.store, user, namespace)].flatMap((granted) => granted.rules);
  return answered(body, {
    resourceRules: rules
      .filter((rule) => rule.resources.length > 0)
      .map(({verbs, apiGroups, resources, resourceNames}) => ({
        verbs,
        apiGroups,
        resources,
        ...(resourceNames.length === 0 ? {} : {resourceNames}),
      })),
    nonResourceRules: rules
      .filter((rule) => rule.nonResourceURLs.length > 0)
      .map(({verbs, nonResourceURLs}) => ({verbs, nonResourceURLs})),
    incomplete: false,
  });
}

import {type Clock, timestamp} from '../../../lib/time.ts';
import {nodeNameOf} from '../../auth/node-authorizer.ts';
import type {ServiceAccountTokens, TokenBinding} from '../../auth/service-account-tokens.ts';
import type {Obj, User} from '../../contract.ts';
import {isObject, numberAt, objectAt, textAt, textsAt} from '../../json.ts';
import {
  nodeDefinition,
  podDefinition,
  secretDefinition,
  serviceAccountDefinition,
} from '../../resources/table.ts';
import {badRequest, conflict, forbidden, invalid} from '../../status.ts';
import {json} from '../http/request.ts';
import {nameOf, type Special} from '../operations/operations.ts';
import type {Registry} from '../registry.ts';

const resource = {group: 'authentication.k8s.io', plural: 'tokenrequests', kind: 'TokenRequest'};

/** serviceaccounts/token: a signed token for an account, bound to a pod, a secret or a node when asked. */
export function createToken(registry: Registry, clock: Clock, tokens: ServiceAccountTokens): Special {
  return async (target, request) => {
    const account = registry.get(serviceAccountDefinition, target.namespace, nameOf(target));
    const spec = objectAt(request.body, 'spec');
    const bound = bindingOf(registry, account, spec.boundObjectRef);
    checkNode(registry, request.user, account, bound);
    const audiences = textsAt(spec, 'audiences');
    const seconds = numberAt(spec, 'expirationSeconds') ?? 3600;
    checkSeconds(seconds, account.metadata.name);
    const asked = audiences.length > 0 ? audiences : [tokens.audience];
    const {token, expiresMs} = await tokens.sign({account, audiences: asked, seconds, bound});
    const {name, namespace} = account.metadata;
    return json(201, {
      kind: 'TokenRequest',
      apiVersion: 'authentication.k8s.io/v1',
      metadata: {name, namespace, creationTimestamp: timestamp(clock.now())},
      spec: {...spec, audiences: asked, expirationSeconds: seconds},
      status: {token, expirationTimestamp: timestamp(expiresMs)},
    });
  };
}

function checkSeconds(seconds: number, name: string): void {
  const why =
    seconds < 600
      ? 'may not specify a duration less than 10 minutes'
      : seconds > 2 ** 32
        ? 'may not specify a duration larger than 2^32 seconds'
        : undefined;
  if (why !== undefined)
    throw invalid(resource, name, [
      {field: 'spec.expirationSeconds', message: `Invalid value: ${seconds}: ${why}`},
    ]);
}

const kinds = {Pod: podDefinition, Secret: secretDefinition, Node: nodeDefinition} as const;

function bindingOf(registry: Registry, account: Obj, reference: unknown): TokenBinding | undefined {
  if (!isObject(reference)) return undefined;
  const kind = textAt(reference, 'kind') ?? '';
  const name = textAt(reference, 'name') ?? '';
  if (kind !== 'Pod' && kind !== 'Secret' && kind !== 'Node')
    throw badRequest(`cannot bind token to object of type ${textAt(reference, 'apiVersion')}, Kind=${kind}`);
  const definition = kinds[kind];
  const object = registry.get(definition, kind === 'Node' ? undefined : account.metadata.namespace, name);
  const uid = textAt(reference, 'uid') ?? '';
  if (uid !== '' && uid !== object.metadata.uid)
    throw conflict(
      definition.resource,
      name,
      `the UID in the bound object reference (${uid}) does not match the UID in record. The object might have been deleted and then recreated`,
    );
  if (kind !== 'Pod') return {kind, object};
  const runsAs = textAt(object, 'spec', 'serviceAccountName');
  if (runsAs !== account.metadata.name)
    throw badRequest(
      `cannot bind token for serviceaccount "${account.metadata.name}" to pod running with different serviceaccount name.`,
    );
  const nodeName = textAt(object, 'spec', 'nodeName');
  const node = nodeName ? registry.find(nodeDefinition, undefined, nodeName) : undefined;
  return {kind, object, ...(node === undefined ? {} : {node})};
}

/** NodeRestriction: a kubelet gets tokens only for pods that run on its node. */
function checkNode(registry: Registry, user: User, account: Obj, bound: TokenBinding | undefined): void {
  const node = nodeNameOf(user);
  if (node === undefined) return;
  const refuse = (why: string) =>
    forbidden({group: '', plural: 'serviceaccounts', kind: 'ServiceAccount'}, account.metadata.name, why);
  if (bound?.kind !== 'Pod') throw refuse('node requested token not bound to a pod');
  const pod = registry.get(podDefinition, account.metadata.namespace, bound.object.metadata.name);
  if (textAt(pod, 'spec', 'nodeName') !== node)
    throw refuse(`node requested token bound to a pod scheduled on a different node`);
}

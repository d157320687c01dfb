import type {Store} from '../store/store.ts';
import {type Attributes, type Authorizer, refusedAccess} from './attributes.ts';
import {rbacAuthorizer} from './rbac.ts';

/** The authorizers in kube-apiserver's order: masters, then nodes, then RBAC; the first that allows decides. */
export function createAuthorizer(store: Store, nodes: Authorizer): Authorizer {
  const rbac = rbacAuthorizer(store);
  return (attributes) => {
    if (attributes.user.groups.includes('system:masters')) return {allowed: true, reason: ''};
    const byNode = nodes(attributes);
    if (byNode.allowed) return byNode;
    const byRbac = rbac(attributes);
    return byRbac.allowed
      ? byRbac
      : {allowed: false, reason: [byNode.reason, byRbac.reason].filter(Boolean).join(', ')};
  };
}

export function enforce(authorizer: Authorizer): (attributes: Attributes) => void {
  return (attributes) => {
    const verdict = authorizer(attributes);
    if (!verdict.allowed) throw refusedAccess(attributes, verdict.reason);
  };
}

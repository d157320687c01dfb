import {beforeEach, describe, expect, it} from 'vitest';
import type {KubeClient} from '../../../../src/edges/kube/client.ts';
import {isForbidden} from '../../../../src/edges/kube/errors.ts';
import {
  configMaps,
  csiNodes,
  leases,
  nodes,
  pods,
  secrets,
  serviceAccounts,
  services,
} from '../../../../src/lib/resources.ts';
import {impersonated} from '../../../../src/sandbox/auth/impersonate.ts';
import {type Api, decoded, pod, startApi} from './fixture.ts';

let api: Api;
beforeEach(async () => {
  api = await startApi();
});

/** Whether a call is let through; any answer but 403 is. */
async function may(call: Promise<unknown>): Promise<boolean> {
  try {
    await call;
    return true;
  } catch (error) {
    return !isForbidden(error);
  }
}

const at = (name: string, namespace = 'default') => ({namespace, name});

describe('the node authorizer', () => {
  let node: KubeClient;
  beforeEach(async () => {
    node = api.as('system:node:n1', 'system:nodes');
    const volumes = [
      {name: 's', secret: {secretName: 'mounted'}},
      {name: 'p', projected: {sources: [{configMap: {name: 'projected'}}]}},
    ];
    const containers = [{name: 'c', image: 'i', envFrom: [{secretRef: {name: 'env'}}]}];
    await api.client.create(
      pods,
      pod('mine', {nodeName: 'n1', volumes, containers, serviceAccountName: 'sa'}),
    );
    await api.client.create(
      pods,
      pod('theirs', {nodeName: 'n2', volumes: [{name: 's', secret: {secretName: 'other'}}]}),
    );
    for (const name of ['n1', 'n2']) await api.client.create(nodes, {metadata: {name}});
  });

  it('shows a node its own Node and pods only', async () => {
    expect(await may(node.get(nodes, {name: 'n1'}))).toBe(true);
    expect(await may(node.get(nodes, {name: 'n2'}))).toBe(false);
    expect(await may(node.list(nodes))).toBe(false);
    expect(await may(node.list(nodes, {fieldSelector: 'metadata.name=n1'}))).toBe(true);
    expect(await may(node.list(pods))).toBe(false);
    expect(await may(node.list(pods, {fieldSelector: 'spec.nodeName=n2'}))).toBe(false);
    expect(await may(node.list(pods, {fieldSelector: 'spec.nodeName=n1'}))).toBe(true);
    expect(await may(node.get(pods, at('mine')))).toBe(true);
    expect(await may(node.get(pods, at('theirs')))).toBe(false);
  });

  it('shows the secrets and config maps of its pods, one by one', async () => {
    for (const name of ['mounted', 'env']) expect(await may(node.get(secrets, at(name)))).toBe(true);
    expect(await may(node.get(configMaps, at('projected')))).toBe(true);
    expect(await may(node.get(secrets, at('other')))).toBe(false);
    expect(await may(node.get(secrets, at('mounted', 'kube-system')))).toBe(false);
    expect(await may(node.list(secrets, {namespace: 'default'}))).toBe(false);
    expect(await may(node.list(secrets, {namespace: 'default', fieldSelector: 'metadata.name=env'}))).toBe(
      true,
    );
    await api.client.delete(pods, at('mine'), {gracePeriodSeconds: 0});
    expect(await may(node.get(secrets, at('mounted')))).toBe(false);
  });

  it('lets it read services, and no endpoint slices', async () => {
    expect(await may(node.list(services))).toBe(true);
    expect(await may(node.request('GET', '/apis/discovery.k8s.io/v1/endpointslices'))).toBe(false);
  });

  it('lets it write its own lease and CSINode only', async () => {
    const lease = (name: string, namespace = 'kube-node-lease') =>
      may(node.create(leases, {metadata: {name, namespace}}));
    expect(await lease('n1')).toBe(true);
    expect(await lease('n2')).toBe(false);
    expect(await lease('n1', 'default')).toBe(false);
    expect(await may(node.create(csiNodes, {metadata: {name: 'n2'}, spec: {drivers: []}}))).toBe(false);
  });

  it('lets it write only the status of its own pods', async () => {
    const patch = {type: 'merge', body: {status: {phase: 'Running'}}} as const;
    expect(await may(node.patch(pods, {...at('mine'), subresource: 'status'}, patch))).toBe(true);
    expect(await may(node.patch(pods, {...at('theirs'), subresource: 'status'}, patch))).toBe(false);
    expect(await may(node.patch(pods, at('mine'), patch))).toBe(false);
  });

  it('lets it delete only its own pods', async () => {
    expect(await may(node.delete(pods, at('theirs')))).toBe(false);
    expect(await may(node.delete(pods, at('mine')))).toBe(true);
    await expect(node.delete(pods, at('gone'))).rejects.toMatchObject({httpCode: 404});
  });

  it('lets it create only mirror pods of its own', async () => {
    const mirror = {annotations: {'kubernetes.io/config.mirror': 'x'}};
    expect(await may(node.create(pods, pod('a', {nodeName: 'n1'})))).toBe(false);
    expect(await may(node.create(pods, pod('b', {nodeName: 'n2'}, mirror)))).toBe(false);
    expect(await may(node.create(pods, pod('c', {nodeName: 'n1'}, mirror)))).toBe(true);
  });

  it('keeps reserved labels and taints out of its hands', async () => {
    const label = (key: string) =>
      may(node.patch(nodes, {name: 'n1'}, {type: 'merge', body: {metadata: {labels: {[key]: ''}}}}));
    expect(await label('node-role.kubernetes.io/worker')).toBe(false);
    expect(await label('node-restriction.kubernetes.io/x')).toBe(false);
    expect(await label('node.kubernetes.io/x')).toBe(true);
    expect(await label('example.com/x')).toBe(true);
    const taints = {spec: {taints: [{key: 'k', effect: 'NoSchedule'}]}};
    expect(await may(node.patch(nodes, {name: 'n1'}, {type: 'merge', body: taints}))).toBe(false);
  });

  it('gives it tokens bound to its own pods', async () => {
    await api.client.create(serviceAccounts, {metadata: {name: 'sa', namespace: 'default'}});
    const mine = await api.client.get(pods, at('mine'));
    const token = (spec: object) =>
      may(node.create(serviceAccounts, {spec}, {...at('sa'), subresource: 'token'}));
    const boundObjectRef = {apiVersion: 'v1', kind: 'Pod', name: 'mine', uid: mine.metadata.uid};
    expect(await token({boundObjectRef})).toBe(true);
    expect(await token({})).toBe(false);
  });
});

describe('roles', () => {
  const rbac = '/apis/rbac.authorization.k8s.io/v1';

  it('let in what a binding grants, where it grants it', async () => {
    const bob = api.as('bob');
    expect(await may(bob.list(pods, {namespace: 'default'}))).toBe(false);
    await api.client.request('POST', `${rbac}/namespaces/default/rolebindings`, {
      metadata: {name: 'b'},
      roleRef: {apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'view'},
      subjects: [{kind: 'User', name: 'bob'}],
    });
    expect(await may(bob.list(pods, {namespace: 'default'}))).toBe(true);
    expect(await may(bob.list(pods, {namespace: 'kube-system'}))).toBe(false);
    expect(await may(bob.list(secrets, {namespace: 'default'}))).toBe(false);
    expect(await may(bob.create(pods, pod('p')))).toBe(false);
  });

  it('let a bootstrap token read what joining needs, and nothing else', async () => {
    const group = 'system:bootstrappers:kubeadm:default-node-token';
    const token = api.as('system:bootstrap:abcdef', 'system:bootstrappers', group);
    const read = (name: string) => may(token.get(configMaps, at(name, 'kube-system')));
    expect([await read('kubelet-config'), await read('kubeadm-config'), await read('kube-proxy')]).toEqual([
      true,
      true,
      true,
    ]);
    expect(await read('other')).toBe(false);
    expect(await may(token.get(nodes, {name: 'n'}))).toBe(true);
    expect(await may(token.request('GET', '/apis/certificates.k8s.io/v1/certificatesigningrequests'))).toBe(
      true,
    );
    expect(await may(token.list(secrets))).toBe(false);
  });

  it('let anybody read cluster-info, health and version, and nothing else', async () => {
    const user = {username: 'system:anonymous', groups: ['system:unauthenticated']};
    const code = async (path: string) => {
      const answer = await api.ask('GET', path, {user});
      return 'code' in answer ? answer.code : 200;
    };
    expect(await code('/healthz')).toBe(200);
    expect(await code('/version')).toBe(200);
    expect(await code('/api/v1/namespaces/kube-public/configmaps/cluster-info')).toBe(404);
    expect(await code('/api/v1/namespaces/kube-public/configmaps')).toBe(403);
    expect(await code('/apis')).toBe(403);
  });

  it('demand create for exec, also when it comes as GET', async () => {
    const rules = [{apiGroups: [''], resources: ['pods/exec'], verbs: ['get']}];
    await api.client.request('POST', `${rbac}/clusterroles`, {metadata: {name: 'only-get'}, rules});
    await api.client.request('POST', `${rbac}/clusterrolebindings`, {
      metadata: {name: 'only-get'},
      roleRef: {apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'only-get'},
      subjects: [{kind: 'User', name: 'eve'}],
    });
    const answer = api.ask('GET', '/api/v1/namespaces/default/pods/p/exec?command=id', {
      user: {username: 'eve', groups: ['system:authenticated']},
    });
    expect((await decoded(answer)).code).toBe(403);
  });
});

describe('service-account tokens', () => {
  beforeEach(async () => {
    await api.client.create(serviceAccounts, {metadata: {name: 'sa', namespace: 'default'}});
  });

  type Token = {status: {token: string; expirationTimestamp: string}};
  const issue = (spec: object) =>
    api.client.request<Token>('POST', '/api/v1/namespaces/default/serviceaccounts/sa/token', {spec});
  type Review = {
    status: {authenticated?: boolean; user: {username?: string; groups?: string[]}; error?: string};
  };
  const review = (token: string, audiences?: string[]) =>
    api.client.request<Review>('POST', '/apis/authentication.k8s.io/v1/tokenreviews', {
      spec: {token, audiences},
    });

  it('name their account, for their audience and time', async () => {
    const {status} = await issue({audiences: ['vault'], expirationSeconds: 600});
    expect(status.expirationTimestamp).toBe('2026-01-01T00:10:00Z');
    expect((await review(status.token)).status.authenticated).toBeUndefined();
    const good = await review(status.token, ['vault', 'other']);
    expect(good.status).toMatchObject({
      authenticated: true,
      audiences: ['vault'],
      user: {username: 'system:serviceaccount:default:sa'},
    });
    api.clock.advance(601_000);
    expect((await review(status.token, ['vault'])).status.authenticated).toBeUndefined();
  });

  it('end with their pod', async () => {
    await api.client.create(pods, pod('p', {serviceAccountName: 'sa'}));
    const {status} = await issue({boundObjectRef: {kind: 'Pod', apiVersion: 'v1', name: 'p'}});
    expect((await review(status.token)).status.authenticated).toBe(true);
    await api.client.delete(pods, at('p'));
    expect((await review(status.token)).status.authenticated).toBeUndefined();
  });

  it('are refused when too short, bound to a stranger, or forged', async () => {
    await expect(issue({expirationSeconds: 60})).rejects.toMatchObject({httpCode: 422});
    const boundObjectRef = {kind: 'Pod', apiVersion: 'v1', name: 'p', uid: 'other'};
    await api.client.create(pods, pod('p', {serviceAccountName: 'sa'}));
    await expect(issue({boundObjectRef})).rejects.toMatchObject({httpCode: 409});
    const {status} = await issue({});
    const [header, body] = status.token.split('.');
    expect((await review(`${header}.${body}.${'A'.repeat(342)}`)).status.authenticated).toBeUndefined();
  });
});

describe('bootstrap tokens', () => {
  const encode = (data: Record<string, string>) =>
    Object.fromEntries(Object.entries(data).map(([k, v]) => [k, Buffer.from(v).toString('base64')]));
  const make = (more: Record<string, string> = {}) =>
    api.client.create(secrets, {
      metadata: {name: 'bootstrap-token-abcdef', namespace: 'kube-system'},
      type: 'bootstrap.kubernetes.io/token',
      data: encode({
        'token-id': 'abcdef',
        'token-secret': '0123456789abcdef',
        'usage-bootstrap-authentication': 'true',
        'auth-extra-groups': 'system:bootstrappers:x',
        ...more,
      }),
    });
  const status = async (token: string) => {
    const body = {spec: {token}};
    const review = await api.client.request<{status: {authenticated?: boolean; user: object}}>(
      'POST',
      '/apis/authentication.k8s.io/v1/tokenreviews',
      body,
    );
    return review.status;
  };

  it('name their groups until they expire', async () => {
    await make({expiration: '2026-01-01T01:00:00Z'});
    expect(await status('abcdef.0123456789abcdef')).toMatchObject({
      authenticated: true,
      user: {
        username: 'system:bootstrap:abcdef',
        groups: ['system:bootstrappers', 'system:bootstrappers:x', 'system:authenticated'],
      },
    });
    expect((await status('abcdef.0123456789abcdeX')).authenticated).toBeUndefined();
    expect((await status('abcdef.fedcba9876543210')).authenticated).toBeUndefined();
    api.clock.advance(3_600_000);
    expect((await status('abcdef.0123456789abcdef')).authenticated).toBeUndefined();
  });

  it.each([
    ['an unreadable expiry', {expiration: 'tomorrow'}],
    ['no usage for authentication', {'usage-bootstrap-authentication': 'false'}],
  ])('are nothing with %s', async (_title, more) => {
    await make(more);
    expect((await status('abcdef.0123456789abcdef')).authenticated).toBeUndefined();
  });
});

describe('access reviews', () => {
  it('answer for others and for oneself', async () => {
    const ask = async (client: KubeClient, kind: string, spec: object) => {
      const path = `/apis/authorization.k8s.io/v1/${kind}`;
      return (await client.request<{status: {allowed: boolean}}>('POST', path, {spec})).status.allowed;
    };
    const resourceAttributes = {verb: 'get', resource: 'nodes', subresource: 'proxy', name: 'n'};
    expect(await ask(api.client, 'subjectaccessreviews', {user: 'bob', resourceAttributes})).toBe(false);
    expect(
      await ask(api.client, 'subjectaccessreviews', {groups: ['system:masters'], resourceAttributes}),
    ).toBe(true);
    const nonResourceAttributes = {verb: 'get', path: '/healthz'};
    expect(await ask(api.as('bob'), 'selfsubjectaccessreviews', {nonResourceAttributes})).toBe(true);
    expect(await ask(api.as('bob'), 'selfsubjectaccessreviews', {resourceAttributes})).toBe(false);
  });
});

describe('impersonation', () => {
  const headers = {'impersonate-user': 'system:serviceaccount:a:b'};

  it('needs the right to it', () => {
    const sender = {username: 'bob', groups: ['system:authenticated']};
    expect(() => impersonated(sender, headers, api.core.authorize)).toThrow(
      /cannot impersonate resource "serviceaccounts"/,
    );
  });

  it('gives the groups of a service account', () => {
    const sender = {username: 'root', groups: ['system:masters']};
    expect(impersonated(sender, headers, api.core.authorize)).toEqual({
      username: 'system:serviceaccount:a:b',
      groups: ['system:serviceaccounts', 'system:serviceaccounts:a', 'system:authenticated'],
    });
  });
});

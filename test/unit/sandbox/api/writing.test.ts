import {beforeEach, describe, expect, it} from 'vitest';
import {
  apiPath,
  configMaps,
  csiNodes,
  deployments,
  endpointSlices,
  namespaces,
  nodes,
  pods,
  replicaSets,
} from '../../../../src/lib/resources.ts';
import {type Api, configMap, decoded, pod, startApi} from './fixture.ts';

let api: Api;
beforeEach(async () => {
  api = await startApi();
});

const path = '/api/v1/namespaces/default/configmaps';
const key = (name: string) => ({namespace: 'default', name});
const refusal = (httpCode: number, reason: string) => expect.objectContaining({httpCode, reason});

describe('create', () => {
  it('gives uid, time and revision, and refuses a second of the name', async () => {
    const made = await api.client.create(configMaps, configMap('a'));
    expect(made.metadata).toMatchObject({
      creationTimestamp: '2026-01-01T00:00:00Z',
      uid: expect.stringMatching(/^[0-9a-f-]{36}$/),
    });
    await expect(api.client.create(configMaps, configMap('a'))).rejects.toEqual(
      refusal(409, 'AlreadyExists'),
    );
  });

  it('generates a name from generateName', async () => {
    const made = await api.client.create(configMaps, {metadata: {generateName: 'x-', namespace: 'default'}});
    expect(made.metadata.name).toMatch(/^x-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  });

  it('shows a list that is empty as a real API server does: null where Go always writes the field', async () => {
    const node = {apiVersion: 'storage.k8s.io/v1', kind: 'CSINode', metadata: {name: 'n'}};
    const made = await api.client.create(csiNodes, {...node, spec: {drivers: []}});
    expect(made.spec.drivers).toBeNull();
    const drivers = [{name: 'd', nodeID: 'i', topologyKeys: []}];
    const one = await api.client.update(csiNodes, {...made, spec: {drivers}});
    expect(one.spec.drivers).toEqual([{name: 'd', nodeID: 'i', topologyKeys: null}]);
    const none = await api.client.update(csiNodes, {...one, spec: {drivers: []}});
    expect(none.spec.drivers).toBeNull();
    expect((await api.client.get(csiNodes, {name: 'n'})).spec.drivers).toBeNull();

    const slice = await api.client.create(endpointSlices, {
      metadata: {name: 's', namespace: 'default', annotations: {}},
      addressType: 'IPv4',
      endpoints: [],
    });
    expect(slice).toMatchObject({endpoints: null, ports: null});
    expect(slice.metadata).not.toHaveProperty('annotations');
  });

  it('stores nothing on dryRun=All', async () => {
    const {code} = await decoded(api.ask('POST', `${path}?dryRun=All`, {body: configMap('a')}));
    expect(code).toBe(201);
    await expect(api.client.get(configMaps, key('a'))).rejects.toEqual(refusal(404, 'NotFound'));
  });

  it('refuses, tells or ignores unknown fields as asked, and never stores them', async () => {
    const body = configMap('a', {datta: {}});
    const strict = await decoded(api.ask('POST', `${path}?fieldValidation=Strict`, {body}));
    expect(strict).toMatchObject({
      code: 400,
      body: {message: 'strict decoding error: unknown field "datta"'},
    });
    const warned = await decoded(api.ask('POST', path, {body}));
    expect(warned.headers).toEqual({warning: ['299 - "unknown field \\"datta\\""']});
    expect(warned.body).not.toHaveProperty('datta');
  });

  it('refuses a value of another type', async () => {
    const body = pod('p', {containers: 'none'});
    const {code, body: status} = await decoded(api.ask('POST', apiPath(pods, 'default'), {body}));
    expect(code).toBe(400);
    expect(status.message).toContain('cannot unmarshal string into Go struct field');
  });

  it('takes only the spec of a kind with a status', async () => {
    const made = await api.client.create(nodes, {metadata: {name: 'n'}, status: {capacity: {cpu: '1'}}});
    expect(made.status?.capacity).toBeUndefined();
  });
});

describe('update', () => {
  it('conflicts on an older revision, passes without one', async () => {
    const first = await api.client.create(configMaps, configMap('a'));
    await api.client.update(configMaps, {...first, data: {x: '1'}});
    await expect(api.client.update(configMaps, {...first, data: {x: '2'}})).rejects.toEqual(
      refusal(409, 'Conflict'),
    );
    const {code} = await decoded(api.ask('PUT', `${path}/a`, {body: configMap('a', {data: {x: '3'}})}));
    expect(code).toBe(200);
  });

  it('leaves an unchanged object at its revision', async () => {
    const first = await api.client.create(configMaps, configMap('a', {data: {x: '1'}}));
    const again = await api.client.update(configMaps, first);
    expect(again.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
  });

  it('keeps spec and status apart, and counts generations of the spec only', async () => {
    const template = {metadata: {labels: {a: 'b'}}, spec: {containers: [{name: 'c', image: 'i'}]}};
    const draft = {
      metadata: {name: 'd', namespace: 'default'},
      spec: {replicas: 1, selector: {matchLabels: {a: 'b'}}, template},
    };
    const made = await api.client.create(deployments, draft);
    const patch = {spec: {replicas: 2}, status: {replicas: 7}};
    const main = await api.client.patch(deployments, key('d'), {type: 'merge', body: patch});
    expect([main.metadata.generation, main.spec?.replicas, main.status?.replicas]).toEqual([2, 2, undefined]);
    const body = {spec: {replicas: 9}, status: {replicas: 7}};
    const status = await api.client.patch(
      deployments,
      {...key('d'), subresource: 'status'},
      {type: 'merge', body},
    );
    expect([status.metadata.generation, status.spec?.replicas, status.status?.replicas]).toEqual([2, 2, 7]);
    expect(made.metadata.generation).toBe(1);
  });

  it('refuses another uid', async () => {
    const first = await api.client.create(configMaps, configMap('a'));
    const metadata = {...first.metadata, uid: 'other', resourceVersion: ''};
    await expect(api.client.update(configMaps, {...first, metadata})).rejects.toEqual(
      refusal(409, 'Conflict'),
    );
  });

  it('answers PATCH types it does not know with 415', async () => {
    await api.client.create(configMaps, configMap('a'));
    const {code} = await decoded(api.ask('PATCH', `${path}/a`, {body: {}, contentType: 'application/json'}));
    expect(code).toBe(415);
  });
});

describe('apply', () => {
  const apply = (body: object, fieldManager = 'me') =>
    api.client.patch(configMaps, key('a'), {type: 'apply', body, fieldManager});

  it('creates, and removes what it no longer names but not what others set', async () => {
    await apply(configMap('a', {data: {mine: '1', gone: '1'}}));
    await api.client.patch(configMaps, key('a'), {type: 'merge', body: {data: {theirs: '1'}}});
    const found = await apply(configMap('a', {data: {mine: '2'}}));
    expect(found.data).toEqual({mine: '2', theirs: '1'});
  });

  it('changes nothing when applied again', async () => {
    const first = await apply(configMap('a', {data: {x: '1'}}));
    api.clock.advance(60_000);
    const again = await apply(configMap('a', {data: {x: '1'}}));
    expect(again.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
  });
});

describe('delete', () => {
  it('removes an unscheduled pod at once', async () => {
    await api.client.create(pods, pod('p'));
    await api.client.delete(pods, key('p'));
    await expect(api.client.get(pods, key('p'))).rejects.toEqual(refusal(404, 'NotFound'));
  });

  it('gives a bound pod its grace, which can only be shortened', async () => {
    await api.client.create(pods, pod('p', {nodeName: 'n', terminationGracePeriodSeconds: 20}));
    const grace = async () => (await api.client.get(pods, key('p'))).metadata;
    await api.client.delete(pods, key('p'));
    expect(await grace()).toMatchObject({
      deletionGracePeriodSeconds: 20,
      deletionTimestamp: '2026-01-01T00:00:20Z',
    });
    await api.client.delete(pods, key('p'), {gracePeriodSeconds: 40});
    expect(await grace()).toMatchObject({deletionGracePeriodSeconds: 20});
    await api.client.delete(pods, key('p'), {gracePeriodSeconds: 5});
    expect(await grace()).toMatchObject({
      deletionGracePeriodSeconds: 5,
      deletionTimestamp: '2026-01-01T00:00:05Z',
    });
    await api.client.delete(pods, key('p'), {gracePeriodSeconds: 0});
    await expect(grace()).rejects.toEqual(refusal(404, 'NotFound'));
  });

  it('waits for finalizers and goes with the last of them', async () => {
    await api.client.create(
      configMaps,
      configMap('a', {metadata: {name: 'a', namespace: 'default', finalizers: ['x/y']}}),
    );
    await api.client.delete(configMaps, key('a'));
    expect((await api.client.get(configMaps, key('a'))).metadata.deletionTimestamp).toBeDefined();
    await api.client.patch(configMaps, key('a'), {type: 'merge', body: {metadata: {finalizers: null}}});
    await expect(api.client.get(configMaps, key('a'))).rejects.toEqual(refusal(404, 'NotFound'));
  });

  it('honours preconditions', async () => {
    await api.client.create(configMaps, configMap('a'));
    const how = {preconditions: {uid: 'other'}};
    await expect(api.client.delete(configMaps, key('a'), how)).rejects.toEqual(refusal(409, 'Conflict'));
  });

  it('keeps a namespace until it is finalized', async () => {
    await api.client.create(namespaces, {metadata: {name: 'x'}});
    await api.client.delete(namespaces, {name: 'x'});
    const found = await api.client.get(namespaces, {name: 'x'});
    expect(found.status?.phase).toBe('Terminating');
    await api.client.update(namespaces, {...found, spec: {finalizers: []}}, 'finalize');
    await expect(api.client.get(namespaces, {name: 'x'})).rejects.toEqual(refusal(404, 'NotFound'));
  });

  it('deletes a selected collection', async () => {
    for (const [name, app] of [
      ['a', 'x'],
      ['b', 'x'],
      ['c', 'y'],
    ] as const)
      await api.client.create(configMaps, {metadata: {name, namespace: 'default', labels: {app}}});
    await decoded(api.ask('DELETE', `${path}?labelSelector=app%3Dx`));
    expect(
      (await api.client.list(configMaps, {namespace: 'default'})).items.map((i) => i.metadata.name),
    ).toEqual(['c']);
  });
});

describe('parts of objects', () => {
  it('binds a pod once', async () => {
    await api.client.create(pods, pod('p'));
    const bind = (name: string) =>
      api.client.create(pods, {target: {kind: 'Node', name}}, {...key('p'), subresource: 'binding'});
    await bind('n1');
    const bound = await api.client.get(pods, key('p'));
    expect([bound.spec.nodeName, bound.status?.conditions?.[0]?.type]).toEqual(['n1', 'PodScheduled']);
    await expect(bind('n2')).rejects.toEqual(refusal(409, 'Conflict'));
  });

  it('scales by the scale subresource', async () => {
    const template = {metadata: {labels: {a: 'b'}}, spec: {containers: []}};
    const spec = {replicas: 1, selector: {matchLabels: {a: 'b'}}, template};
    await api.client.create(replicaSets, {metadata: {name: 'r', namespace: 'default'}, spec});
    const at = apiPath(replicaSets, 'default', 'r', 'scale');
    const {body} = await decoded(
      api.ask('PATCH', at, {body: {spec: {replicas: 4}}, contentType: 'application/merge-patch+json'}),
    );
    expect(body).toMatchObject({kind: 'Scale', spec: {replicas: 4}, status: {selector: 'a=b'}});
    expect((await api.client.get(replicaSets, key('r'))).spec?.replicas).toBe(4);
  });

  it('evicts with a delete', async () => {
    await api.client.create(pods, pod('p'));
    await api.client.create(pods, {metadata: {name: 'p'}}, {...key('p'), subresource: 'eviction'});
    await expect(api.client.get(pods, key('p'))).rejects.toEqual(refusal(404, 'NotFound'));
  });
});

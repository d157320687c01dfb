import {beforeEach, describe, expect, it} from 'vitest';
import {configMaps, pods} from '../../../../src/lib/resources.ts';
import {type Api, collect, decoded, pod, startApi} from './fixture.ts';

let api: Api;
beforeEach(async () => {
  api = await startApi();
});

const make = (name: string, labels: Record<string, string> = {}) =>
  api.client.create(configMaps, {metadata: {name, namespace: 'default', labels}});
const label = (name: string, labels: object) =>
  api.client.patch(configMaps, {namespace: 'default', name}, {type: 'merge', body: {metadata: {labels}}});
const told = (events: {type: string; object: {metadata: {name?: string}}}[]) =>
  events.map((event) => `${event.type} ${event.object.metadata.name ?? ''}`.trim());

describe('list', () => {
  it.each([
    ['app=x', ['a', 'b']],
    ['app!=x', ['c', 'd']],
    ['app in (x,y)', ['a', 'b', 'c']],
    ['app notin (x)', ['c', 'd']],
    ['app', ['a', 'b', 'c']],
    ['!app', ['d']],
    ['app=x,tier', ['b']],
    ['tier>4', ['b']],
  ])('selects labels by %s', async (labelSelector, names) => {
    await make('a', {app: 'x'});
    await make('b', {app: 'x', tier: '5'});
    await make('c', {app: 'y'});
    await make('d');
    const {items} = await api.client.list(configMaps, {namespace: 'default', labelSelector});
    expect(items.map((item) => item.metadata.name)).toEqual(names);
  });

  it('selects fields, and refuses those that no field selector knows', async () => {
    await api.client.create(pods, pod('p', {nodeName: 'n1'}));
    await api.client.create(pods, pod('q', {nodeName: 'n2'}));
    const list = (fieldSelector: string) => api.client.list(pods, {fieldSelector});
    expect((await list('spec.nodeName=n1')).items.map((p) => p.metadata.name)).toEqual(['p']);
    expect((await list('spec.nodeName!=n1,metadata.name=q')).items).toHaveLength(1);
    await expect(list('spec.image=x')).rejects.toMatchObject({httpCode: 400});
  });

  it('pages without losing or repeating, under the revision of the first page', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await make(name);
    const first = await api.client.list(configMaps, {namespace: 'default', limit: 2});
    expect(first).toMatchObject({remainingItemCount: 3, continue: expect.any(String)});
    await make('bb');
    const second = await api.client.list(configMaps, {
      namespace: 'default',
      limit: 9,
      continue: first.continue,
    });
    expect(second.items.map((i) => i.metadata.name)).toEqual(['bb', 'c', 'd', 'e']);
    expect(second.resourceVersion).toBe(first.resourceVersion);
  });

  it('says 410 for an exact revision that is past, 504 for one that never was', async () => {
    const {resourceVersion} = await api.client.list(configMaps);
    await make('a');
    const at = (version: string, match: string) =>
      decoded(api.ask('GET', `/api/v1/configmaps?resourceVersion=${version}&resourceVersionMatch=${match}`));
    expect((await at(resourceVersion, 'Exact')).code).toBe(410);
    expect((await at('999999', 'NotOlderThan')).code).toBe(504);
  });

  it('prints a table of the columns that kubectl users know', async () => {
    await api.client.create(pods, pod('p', {nodeName: 'n1'}));
    api.clock.advance(90_000);
    const accept = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
    const {body} = await decoded(api.ask('GET', '/api/v1/namespaces/default/pods', {accept}));
    expect(body.columnDefinitions.map((c: {name: string}) => c.name).slice(0, 5)).toEqual([
      'Name',
      'Ready',
      'Status',
      'Restarts',
      'Age',
    ]);
    expect(body.rows[0].cells).toEqual([
      'p',
      '0/1',
      'Pending',
      '0',
      '90s',
      '<none>',
      'n1',
      '<none>',
      '<none>',
    ]);
  });

  it('refuses formats it does not speak', async () => {
    const accept = 'application/vnd.kubernetes.protobuf';
    expect((await decoded(api.ask('GET', '/api/v1/pods', {accept}))).code).toBe(406);
  });
});

describe('watch', () => {
  it('begins with what is there, then tells changes', async () => {
    await make('a');
    const watch = collect(api.client, configMaps, {namespace: 'default'});
    await expect.poll(() => watch.events.length).toBe(1);
    await make('b');
    await label('a', {x: 'y'});
    await api.client.delete(configMaps, {namespace: 'default', name: 'a'});
    await expect.poll(() => told(watch.events)).toEqual(['ADDED a', 'ADDED b', 'MODIFIED a', 'DELETED a']);
    await watch.stop();
  });

  it('replays from a revision without a gap', async () => {
    const {resourceVersion} = await api.client.list(configMaps);
    await make('a');
    const watch = collect(api.client, configMaps, {resourceVersion});
    await make('b');
    await expect.poll(() => told(watch.events)).toEqual(['ADDED a', 'ADDED b']);
    await watch.stop();
  });

  it('turns entering and leaving a selection into ADDED and DELETED', async () => {
    await make('a');
    const watch = collect(api.client, configMaps, {namespace: 'default', labelSelector: 'on=yes'});
    await label('a', {on: 'yes'});
    await label('a', {more: 'x'});
    const left = await label('a', {on: 'no'});
    await expect.poll(() => told(watch.events)).toEqual(['ADDED a', 'MODIFIED a', 'DELETED a']);
    const last = watch.events[2]?.object.metadata;
    expect([last?.labels?.on, last?.resourceVersion]).toEqual(['yes', left.metadata.resourceVersion]);
    await watch.stop();
  });

  it('ends the initial events of a streaming list with an annotated bookmark', async () => {
    await make('a');
    const query = {
      namespace: 'default',
      sendInitialEvents: true,
      resourceVersionMatch: 'NotOlderThan',
      allowWatchBookmarks: true,
    };
    const watch = collect(api.client, configMaps, query);
    await expect.poll(() => told(watch.events)).toEqual(['ADDED a', 'BOOKMARK']);
    expect(watch.events[1]?.object.metadata).toMatchObject({
      resourceVersion: String(api.store.revision),
      annotations: {'k8s.io/initial-events-end': 'true'},
    });
    await watch.stop();
  });

  it('sends bookmarks of a revision that moved elsewhere', async () => {
    const watch = collect(api.client, configMaps, {
      resourceVersion: String(api.store.revision),
      allowWatchBookmarks: true,
    });
    await api.client.create(pods, pod('p'));
    api.clock.advance(10_000);
    await expect.poll(() => told(watch.events)).toEqual(['BOOKMARK']);
    await watch.stop();
  });

  it('tells 410 as an event and ends', async () => {
    for (let i = 0; i < 9000; i++)
      api.store.put('/configmaps', 'default/x', {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: {name: 'x', namespace: 'default', uid: 'u', resourceVersion: ''},
      });
    const watch = collect(api.client, configMaps, {resourceVersion: '1'});
    await expect
      .poll(() => watch.events)
      .toMatchObject([{type: 'ERROR', object: {code: 410, reason: 'Expired'}}]);
    await watch.stop();
  });

  it('ends at timeoutSeconds', async () => {
    const watch = collect(api.client, configMaps, {
      resourceVersion: String(api.store.revision),
      timeoutSeconds: 5,
    });
    await make('a');
    await expect.poll(() => watch.events.length).toBe(1);
    api.clock.advance(5000);
    await make('b');
    await expect.poll(() => told(watch.events)).toEqual(['ADDED a']);
    await watch.stop();
  });

  it('encodes an event once for all who want the same', async () => {
    await make('a');
    const sinks = [0, 1].map(() => ({
      bytes: [] as Buffer[],
      send(b: Buffer) {
        this.bytes.push(b);
      },
      end() {},
    }));
    for (const sink of sinks) {
      const answer = await api.ask('GET', '/api/v1/configmaps?watch=1');
      if ('start' in answer) answer.start(sink);
    }
    await label('a', {x: 'y'});
    expect(sinks[0]?.bytes.at(-1)).toBe(sinks[1]?.bytes.at(-1));
  });
});

describe('discovery', () => {
  it('lists a group, also aggregated', async () => {
    const {body} = await decoded(api.ask('GET', '/api/v1'));
    const names = body.resources.map((r: {name: string}) => r.name);
    expect(names).toEqual(expect.arrayContaining(['pods', 'pods/log', 'pods/exec', 'serviceaccounts/token']));
    const accept = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';
    const all = await decoded(api.ask('GET', '/apis', {accept}));
    expect(all.body).toMatchObject({kind: 'APIGroupDiscoveryList', apiVersion: 'apidiscovery.k8s.io/v2'});
  });

  it('answers 404 for a kind that is not served and 405 for a verb that is not', async () => {
    expect((await decoded(api.ask('GET', '/apis/batch/v1/jobs'))).code).toBe(404);
    expect((await decoded(api.ask('GET', '/apis/authentication.k8s.io/v1/tokenreviews'))).code).toBe(405);
  });

  it('describes schemas with merge keys', async () => {
    const {body} = await decoded(api.ask('GET', '/openapi/v3/api/v1'));
    expect(body.components.schemas['io.k8s.api.core.v1.PodSpec'].properties.containers).toMatchObject({
      'x-kubernetes-patch-merge-key': 'name',
      'x-kubernetes-patch-strategy': 'merge',
    });
  });
});

it('keeps what callers hold apart from what is stored', async () => {
  const draft = {metadata: {name: 'a', namespace: 'default'}, data: {x: '1'}};
  const made = await api.client.create(configMaps, draft);
  draft.data = {x: 'changed'};
  made.data = {x: 'changed'};
  expect((await api.client.get(configMaps, {namespace: 'default', name: 'a'})).data).toEqual({x: '1'});
});

import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import type {KubeObject} from '../../../../src/lib/kubernetes.ts';
import {silent} from '../../../../src/lib/log.ts';
import {configMaps} from '../../../../src/lib/resources.ts';
import {expireEvents} from '../../../../src/sandbox/event-ttl.ts';
import {GarbageCollector} from '../../../../src/sandbox/garbage.ts';
import {type Api, startApi} from './fixture.ts';

let api: Api;
let garbage: GarbageCollector;
beforeEach(async () => {
  api = await startApi();
  garbage = new GarbageCollector(api.core.registry, api.clock, silent);
});
afterEach(() => garbage.close());

const make = (name: string, owners: KubeObject[] = [], block = false) =>
  api.client.create(configMaps, {
    metadata: {
      name,
      namespace: 'default',
      ownerReferences: owners.map(({metadata}) => ({
        apiVersion: 'v1',
        kind: 'ConfigMap',
        name: metadata.name,
        uid: metadata.uid,
        blockOwnerDeletion: block,
      })),
    },
  });
const remove = (name: string, propagationPolicy: 'Background' | 'Foreground' | 'Orphan') =>
  api.client.delete(configMaps, {namespace: 'default', name}, {propagationPolicy});
const names = async () =>
  (await api.client.list(configMaps, {namespace: 'default'})).items.map((item) => item.metadata.name);
const get = (name: string) => api.client.get(configMaps, {namespace: 'default', name});

describe('the garbage collector', () => {
  it('collects dependents of dependents', async () => {
    const a = await make('a');
    const b = await make('b', [a]);
    await make('c', [b]);
    await remove('a', 'Background');
    await expect.poll(names).toEqual([]);
  });

  it('strikes off a dead owner while another lives', async () => {
    const [a, b] = [await make('a'), await make('b')];
    await make('c', [a, b]);
    await remove('a', 'Background');
    await expect
      .poll(async () => (await get('c')).metadata.ownerReferences?.map((o) => o.name))
      .toEqual(['b']);
  });

  it('orphans on demand', async () => {
    const a = await make('a');
    await make('b', [a]);
    await remove('a', 'Orphan');
    await expect.poll(names).toEqual(['b']);
    expect((await get('b')).metadata.ownerReferences).toBeUndefined();
  });

  it('holds an owner in the foreground until the dependents that block it are gone', async () => {
    const a = await make('a');
    await make('b', [a], true);
    await api.client.patch(
      configMaps,
      {namespace: 'default', name: 'b'},
      {type: 'merge', body: {metadata: {finalizers: ['x/y']}}},
    );
    await remove('a', 'Foreground');
    await expect.poll(async () => (await get('b')).metadata.deletionTimestamp).toBeDefined();
    expect((await get('a')).metadata.finalizers).toEqual(['foregroundDeletion']);
    await api.client.patch(
      configMaps,
      {namespace: 'default', name: 'b'},
      {type: 'merge', body: {metadata: {finalizers: null}}},
    );
    await expect.poll(names).toEqual([]);
  });

  it('collects what is born with an owner that does not exist', async () => {
    const ghost = {metadata: {name: 'ghost', uid: 'no-such-uid', resourceVersion: ''}};
    await make('a', [ghost]);
    await expect.poll(names).toEqual([]);
  });

  it('finds after a restart what was orphaned before it', async () => {
    const a = await make('a');
    await make('b', [a]);
    garbage.close();
    await remove('a', 'Background');
    expect(await names()).toEqual(['b']);
    garbage = new GarbageCollector(api.core.registry, api.clock, silent);
    await expect.poll(names).toEqual([]);
  });
});

it('forgets events after an hour', async () => {
  const stop = expireEvents(api.core.registry, api.clock);
  const path = '/api/v1/namespaces/default/events';
  const involvedObject = {kind: 'Pod', name: 'p', namespace: 'default'};
  const event = (name: string, lastTimestamp: string) =>
    api.client.request('POST', path, {metadata: {name}, involvedObject, lastTimestamp});
  await event('old', '2026-01-01T00:00:00Z');
  await event('new', '2026-01-01T00:30:00Z');
  api.clock.advance(61 * 60_000);
  const {items} = await api.client.request<{items: KubeObject[]}>('GET', path);
  expect(items.map((item) => item.metadata.name)).toEqual(['new']);
  stop();
});

import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {describe, expect, it, onTestFinished} from 'vitest';
import {keyOf, Store} from '../../../../src/sandbox/store/store.ts';

const object = (name: string, more: object = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: {name, namespace: 'a', uid: name, resourceVersion: ''},
  ...more,
});

const put = (store: Store, name: string, namespace = 'a') =>
  store.put('/configmaps', keyOf(namespace, name), object(name));

describe('the store', () => {
  it('gives every change one more revision, written into the object', () => {
    const store = new Store(':memory:');
    const before = store.revision;
    expect(put(store, 'x').object.metadata.resourceVersion).toBe(String(before + 1));
    expect(put(store, 'y').revision).toBe(before + 2);
    expect(store.remove('/configmaps', 'a/x')?.object.metadata.resourceVersion).toBe(String(before + 3));
  });

  it('lists the keys of a namespace only, in order, after a key', () => {
    const store = new Store(':memory:');
    for (const [namespace, name] of [
      ['b', 'x'],
      ['a', 'z'],
      ['a', 'y'],
      ['a-b', 'x'],
    ] as const)
      put(store, name, namespace);
    expect(store.keys('/configmaps')).toEqual(['a-b/x', 'a/y', 'a/z', 'b/x']);
    expect(store.keys('/configmaps', 'a')).toEqual(['a/y', 'a/z']);
    expect(store.keys('/configmaps', 'a', 'a/y')).toEqual(['a/z']);
  });

  it('keeps objects and the revision over a restart, and forgets history before it', () => {
    const dir = mkdtempSync(join(tmpdir(), 'nodectl-store-'));
    onTestFinished(() => rmSync(dir, {recursive: true}));
    const first = new Store(join(dir, 'db'));
    put(first, 'x');
    put(first, 'y');
    first.remove('/configmaps', 'a/x');
    const {revision} = first;
    first.close();
    const second = new Store(join(dir, 'db'));
    expect(second.revision).toBe(revision);
    expect(second.keys('/configmaps')).toEqual(['a/y']);
    expect(second.changesAfter('/configmaps', revision)).toEqual([]);
    expect(second.changesAfter('/configmaps', revision - 1)).toBeUndefined();
    second.close();
  });

  it('bounds what it remembers: too old a revision is unknown, a recent one complete', () => {
    const store = new Store(':memory:');
    const start = store.revision;
    for (let i = 0; i < 10_000; i++) put(store, 'x');
    expect(store.changesAfter('/configmaps', start)).toBeUndefined();
    expect(store.changesAfter('/configmaps', store.revision - 4000)).toHaveLength(4000);
  });
});

import {describe, expect, it} from 'vitest';
import {jsonPatch} from '../../../../src/sandbox/patch/json-patch.ts';
import {jsonMerge} from '../../../../src/sandbox/patch/merge.ts';
import {mergeFields} from '../../../../src/sandbox/patch/merge-keys.ts';
import {strategicMerge} from '../../../../src/sandbox/patch/strategic.ts';

const fields = mergeFields('', 'Pod');
const podOf = (...containers: object[]) => ({spec: {containers}});

describe('strategic merge', () => {
  it.each([
    [
      'changes the element with the same key',
      [
        {name: 'a', image: '1'},
        {name: 'b', image: '1'},
      ],
      {containers: [{name: 'b', image: '2'}]},
      [
        {name: 'a', image: '1'},
        {name: 'b', image: '2'},
      ],
    ],
    ['appends an unknown element', [{name: 'a'}], {containers: [{name: 'b'}]}, [{name: 'a'}, {name: 'b'}]],
    [
      'deletes by directive',
      [{name: 'a'}, {name: 'b'}],
      {containers: [{name: 'a', $patch: 'delete'}]},
      [{name: 'b'}],
    ],
    [
      'replaces the list by directive',
      [{name: 'a'}],
      {containers: [{$patch: 'replace'}, {name: 'z'}]},
      [{name: 'z'}],
    ],
    [
      'orders as told',
      [{name: 'a'}, {name: 'b'}],
      {containers: [{name: 'c'}], '$setElementOrder/containers': [{name: 'c'}, {name: 'b'}, {name: 'a'}]},
      [{name: 'c'}, {name: 'b'}, {name: 'a'}],
    ],
    [
      'keeps others where they were',
      [{name: 'other'}, {name: 'a'}],
      {'$setElementOrder/containers': [{name: 'a'}, {name: 'b'}], containers: [{name: 'b'}]},
      [{name: 'other'}, {name: 'a'}, {name: 'b'}],
    ],
    [
      'merges env by name and args whole',
      [{name: 'a', args: ['x', 'y'], env: [{name: 'A', value: '1'}]}],
      {containers: [{name: 'a', args: ['z'], env: [{name: 'B', value: '2'}]}]},
      [
        {
          name: 'a',
          args: ['z'],
          env: [
            {name: 'A', value: '1'},
            {name: 'B', value: '2'},
          ],
        },
      ],
    ],
  ])('%s', (_title, before, spec, after) => {
    expect(strategicMerge(podOf(...before), {spec}, fields)).toEqual(podOf(...after));
  });

  it('deletes nulls, also inside new elements', () => {
    const patch = {spec: {nodeName: null, containers: [{name: 'a', image: null, tty: true}]}};
    expect(strategicMerge({spec: {nodeName: 'n'}}, patch, fields)).toEqual(podOf({name: 'a', tty: true}));
  });

  it('treats finalizers as a set', () => {
    const before = {metadata: {finalizers: ['a', 'b']}};
    const added = strategicMerge(before, {metadata: {finalizers: ['c', 'a']}}, fields);
    expect(added).toEqual({metadata: {finalizers: ['a', 'b', 'c']}});
    const deleted = {metadata: {'$deleteFromPrimitiveList/finalizers': ['a']}};
    expect(strategicMerge(before, deleted, fields)).toEqual({metadata: {finalizers: ['b']}});
  });

  it('keeps only the named keys of a union', () => {
    const before = {spec: {volumes: [{name: 'v', emptyDir: {}}]}};
    const patch = {
      spec: {volumes: [{name: 'v', $retainKeys: ['name', 'configMap'], configMap: {name: 'c'}}]},
    };
    expect(strategicMerge(before, patch, fields)).toEqual({
      spec: {volumes: [{name: 'v', configMap: {name: 'c'}}]},
    });
  });

  it('merges conditions by type in a status', () => {
    const before = {
      status: {
        conditions: [
          {type: 'Ready', status: 'False'},
          {type: 'Other', status: 'True'},
        ],
      },
    };
    const patch = {status: {conditions: [{type: 'Ready', status: 'True'}]}};
    expect(strategicMerge(before, patch, fields)).toEqual({
      status: {
        conditions: [
          {type: 'Ready', status: 'True'},
          {type: 'Other', status: 'True'},
        ],
      },
    });
  });

  it('changes neither argument', () => {
    const before = Object.freeze(podOf(Object.freeze({name: 'a'})));
    strategicMerge(before, {spec: {containers: [{name: 'a', image: 'x'}]}}, fields);
    expect(before).toEqual(podOf({name: 'a'}));
  });
});

describe('JSON merge patch', () => {
  it('replaces lists, merges objects, deletes nulls', () => {
    expect(jsonMerge({a: [1, 2], b: {c: 1, d: 2}}, {a: [3], b: {c: null, e: 3}})).toEqual({
      a: [3],
      b: {d: 2, e: 3},
    });
  });
});

describe('JSON patch', () => {
  it('does every operation', () => {
    const operations = [
      {op: 'test', path: '/a', value: 1},
      {op: 'add', path: '/list/1', value: 'new'},
      {op: 'add', path: '/list/-', value: 'end'},
      {op: 'replace', path: '/a', value: 2},
      {op: 'copy', from: '/a', path: '/b'},
      {op: 'move', from: '/x~1y', path: '/z'},
      {op: 'remove', path: '/list/0'},
    ];
    expect(jsonPatch({a: 1, list: ['first'], 'x/y': 5}, operations)).toEqual({
      a: 2,
      b: 2,
      z: 5,
      list: ['new', 'end'],
    });
  });

  it.each([
    ['a failed test', {op: 'test', path: '/a', value: 2}],
    ['an absent path', {op: 'remove', path: '/nothing'}],
    ['an index out of the list', {op: 'add', path: '/list/5', value: 1}],
    ['a replacement of nothing', {op: 'replace', path: '/nothing', value: 1}],
  ])('refuses %s with 422', (_title, operation) => {
    expect(() => jsonPatch({a: 1, list: []}, [operation])).toThrow(expect.objectContaining({code: 422}));
  });
});

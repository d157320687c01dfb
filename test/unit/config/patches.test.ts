import {describe, expect, it} from 'vitest';
import {jsonPatch} from '../../../src/config/join/json-patch.ts';
import {foreseenFields, kubeletPatches, patchKubelet} from '../../../src/config/join/patches.ts';

const file = (name: string, text: string) => ({name, text});
const cluster = {maxPods: 110, clusterDNS: ['10.96.0.10'], evictionHard: {'memory.available': '100Mi'}};

describe('kubeadm’s patches of a KubeletConfiguration', () => {
  it.each([
    [
      'strategic',
      [file('kubeletconfiguration.yaml', 'kind: KubeletConfiguration\nmaxPods: 17')],
      {...cluster, maxPods: 17},
    ],
    [
      'merge, where null removes',
      [file('kubeletconfiguration0+merge.json', '{"maxPods":null,"evictionHard":{"nodefs.available":"5%"}}')],
      {
        clusterDNS: ['10.96.0.10'],
        evictionHard: {'memory.available': '100Mi', 'nodefs.available': '5%'},
      },
    ],
    [
      'json',
      [
        file(
          'kubeletconfiguration0+json.yaml',
          `- {op: test, path: /maxPods, value: 110}
- {op: replace, path: /evictionHard/memory.available, value: 1Gi}
- {op: add, path: /clusterDNS/-, value: fd00::10}
- {op: remove, path: /maxPods}`,
        ),
      ],
      {clusterDNS: ['10.96.0.10', 'fd00::10'], evictionHard: {'memory.available': '1Gi'}},
    ],
    [
      'a directive of a strategic merge',
      [file('kubeletconfiguration.yaml', 'evictionHard: {$patch: replace, a: 1}\nclusterDNS: []')],
      {...cluster, clusterDNS: [], evictionHard: {a: 1}},
    ],
    [
      'in the order of their names, several in a file',
      [
        file('kubeletconfiguration2.yaml', 'maxPods: 2'),
        file('kubeletconfiguration1.yaml', 'maxPods: 1\n---\nport: 1\n---\n'),
      ],
      {...cluster, maxPods: 2, port: 1},
    ],
    [
      'nothing for control planes',
      [file('kube-apiserver+merge.yaml', 'a: b'), file('README.md', '')],
      cluster,
    ],
    // kubeadm's own tables (cmd/kubeadm/app/util/patches), by meaning.
    [
      'nothing by files of other names and endings',
      [file('foo.yaml', 'a: b'), file('bar.json', '{"a": 1}'), file('kubeletconfiguration.foo', 'a: b')],
      cluster,
    ],
    ['nothing by an empty file', [file('kubeletconfiguration.json', '')], cluster],
    [
      'json before merge, by name',
      [
        file('kubeletconfiguration+merge.yaml', 'maxPods: 3'),
        file('kubeletconfiguration+json.json', '[{"op": "replace", "path": "/maxPods", "value": 2}]'),
      ],
      {...cluster, maxPods: 3},
    ],
    [
      'each of several JSON documents',
      [file('kubeletconfiguration0.json', '{"maxPods": 1}\n---\n     ---\n{"port": 2}')],
      {...cluster, maxPods: 1, port: 2},
    ],
    [
      'by its type alone, whatever follows it',
      [file('kubeletconfiguration+merge.old.yaml', 'maxPods: null')],
      {clusterDNS: ['10.96.0.10'], evictionHard: {'memory.available': '100Mi'}},
    ],
    [
      'strategically, whatever follows a dot',
      [file('kubeletconfiguration.a+json.yaml', 'maxPods: 3')],
      {...cluster, maxPods: 3},
    ],
  ])('%s', (_, files, expected) => {
    expect(patchKubelet(cluster, kubeletPatches(files))).toEqual(expected);
  });

  it.each([
    ['a slip in the target’s name', file('kubelet.yaml', 'a: b')],
    ['an unknown type', file('kubeletconfiguration+jq.yaml', 'a: b')],
    ['a type that is missing', file('kubeletconfiguration+.json', '{}')],
    ['an unknown type of another target', file('kube-scheduler+foo.json', '{}')],
    [
      'an operation that does not apply',
      file('kubeletconfiguration+json.json', '[{"op":"remove","path":"/a"}]'),
    ],
    ['what is no map', file('kubeletconfiguration.yaml', '- a')],
    ['what is no YAML', file('kubeletconfiguration.yaml', '{a: [')],
  ])('refuses %s by name', (_, patch) => {
    expect(() => patchKubelet(cluster, kubeletPatches([patch]))).toThrow(
      expect.objectContaining({code: 'ND906', message: expect.stringContaining(patch.name)}),
    );
  });

  it('are foreseen as far as they set fields of their own', () => {
    const patches = kubeletPatches([
      file(
        'kubeletconfiguration1+json.yaml',
        '- {op: test, path: /a, value: 1}\n- {op: add, path: /port, value: 2}',
      ),
      file('kubeletconfiguration2+merge.yaml', 'failSwapOn: false'),
    ]);
    expect(foreseenFields({port: 1}, patches)).toEqual({port: 2, failSwapOn: false});
  });
});

/** Those of RFC 6902, appendix A, and of its text. */
describe('jsonPatch', () => {
  it.each([
    ['A.1', {foo: 'bar'}, [{op: 'add', path: '/baz', value: 'qux'}], {baz: 'qux', foo: 'bar'}],
    ['A.2', {foo: [1, 3]}, [{op: 'add', path: '/foo/1', value: 2}], {foo: [1, 2, 3]}],
    ['A.4', {foo: [1, 2, 3]}, [{op: 'remove', path: '/foo/1'}], {foo: [1, 3]}],
    ['A.5', {baz: 'qux', foo: 1}, [{op: 'replace', path: '/baz', value: 'boo'}], {baz: 'boo', foo: 1}],
    [
      'A.6',
      {foo: {bar: 'baz', waldo: 'fred'}, qux: {corge: 'grault'}},
      [{op: 'move', from: '/foo/waldo', path: '/qux/thud'}],
      {foo: {bar: 'baz'}, qux: {corge: 'grault', thud: 'fred'}},
    ],
    [
      'A.7',
      {foo: ['a', 'b', 'c', 'd']},
      [{op: 'move', from: '/foo/1', path: '/foo/3'}],
      {foo: ['a', 'c', 'd', 'b']},
    ],
    [
      'A.8',
      {a: {b: [2, {c: 1, d: 2}]}},
      [{op: 'test', path: '/a/b/1', value: {d: 2, c: 1}}],
      {a: {b: [2, {c: 1, d: 2}]}},
    ],
    [
      'A.10',
      {foo: 'bar'},
      [{op: 'add', path: '/child', value: {grand: {}}}],
      {foo: 'bar', child: {grand: {}}},
    ],
    [
      'A.14',
      {'/': 9, '~1': 10},
      [
        {op: 'test', path: '/~01', value: 10},
        {op: 'remove', path: '/~1'},
      ],
      {'~1': 10},
    ],
    ['A.16', {foo: ['bar']}, [{op: 'add', path: '/foo/-', value: ['abc']}], {foo: ['bar', ['abc']]}],
    [
      'copy',
      {a: {b: 1}},
      [
        {op: 'copy', from: '/a', path: '/c'},
        {op: 'add', path: '/c/b', value: 2},
      ],
      {a: {b: 1}, c: {b: 2}},
    ],
    ['the whole', {a: 1}, [{op: 'replace', path: '', value: {b: 2}}], {b: 2}],
    [
      'null is a value',
      {},
      [
        {op: 'add', path: '/a', value: null},
        {op: 'test', path: '/a', value: null},
      ],
      {a: null},
    ],
  ])('%s', (_, document, patch, expected) => {
    const before = structuredClone(document);
    expect(jsonPatch(document, patch)).toEqual(expected);
    expect(document).toEqual(before);
  });

  it.each([
    ['A.9 another value', {baz: 'qux'}, {op: 'test', path: '/baz', value: 'bar'}, /another/],
    ['A.12 no parent', {foo: 'bar'}, {op: 'add', path: '/baz/bat', value: 'qux'}, /no such value/],
    ['A.15 a number is no text', {'/': 9}, {op: 'test', path: '/~1', value: '9'}, /another/],
    ['past a list’s end', {a: [1]}, {op: 'add', path: '/a/2', value: 2}, /shorter/],
    ['the place after a list’s end', {a: [1]}, {op: 'remove', path: '/a/-'}, /no such value/],
    ['a leading zero', {a: [1]}, {op: 'remove', path: '/a/00'}, /no place in a list/],
    ['into itself', {a: {b: 1}}, {op: 'move', from: '/a', path: '/a/b/c'}, /into itself/],
    ['of nothing', {}, {op: 'replace', path: '/a', value: 1}, /no such value/],
    ['through a text', {a: 'b'}, {op: 'add', path: '/a/c', value: 1}, /hold c/],
    ['a pointer without a slash', {a: 1}, {op: 'remove', path: 'a'}, /begin with/],
    ['an unknown operation', {a: 1}, {op: 'increment', path: '/a'}, /RFC 6902/],
    ['the prototype', {}, {op: 'test', path: '/constructor', value: 1}, /no such value/],
  ])('refuses %s', (_, document, operation, why) => {
    expect(() => jsonPatch(document, [operation])).toThrow(why);
  });
});

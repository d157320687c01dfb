import {describe, expect, it} from 'vitest';
import {kubeletPatches} from '../../../src/config/join/patches.ts';

const file = (name: string, text: string) => ({name, text});

describe('kubeletPatches', () => {
  it.each([
    [
      'strategic',
      [file('kubeletconfiguration.yaml', 'kind: KubeletConfiguration\nmaxPods: 17')],
      {maxPods: 17},
    ],
    [
      'merge',
      [file('kubeletconfiguration0+merge.json', '{"logging":{"verbosity":4}}')],
      {logging: {verbosity: 4}},
    ],
    [
      'json',
      [
        file(
          'kubeletconfiguration+json.yaml',
          '- {op: replace, path: /evictionHard/memory.available, value: 1Gi}',
        ),
      ],
      {evictionHard: {'memory.available': '1Gi'}},
    ],
    [
      'in the order of their names',
      [
        file('kubeletconfiguration2.yaml', 'maxPods: 2'),
        file('kubeletconfiguration1.yaml', 'maxPods: 1\nport: 1'),
      ],
      {maxPods: 2, port: 1},
    ],
    ['nothing for control planes', [file('kube-apiserver+merge.yaml', 'a: b'), file('README.md', '')], {}],
  ])('%s', (_, files, expected) => {
    expect(kubeletPatches(files)).toEqual(expected);
  });

  it.each([
    ['an unknown target', file('kubelet.yaml', 'a: b')],
    [
      'an operation on lists',
      file('kubeletconfiguration+json.json', '[{"op":"remove","path":"/clusterDNS/0"}]'),
    ],
    ['what is no map', file('kubeletconfiguration.yaml', '- a')],
    ['what is no YAML', file('kubeletconfiguration.yaml', '{a: [')],
  ])('refuses %s by name', (_, patch) => {
    expect(() => kubeletPatches([patch])).toThrow(
      expect.objectContaining({code: 'ND906', message: expect.stringContaining(patch.name)}),
    );
  });
});

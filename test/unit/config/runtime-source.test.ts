import {readFileSync} from 'node:fs';
import {describe, expect, it} from 'vitest';
import {foreseenVersion, parseDigests, runtimeSourceOf} from '../../../src/config/runtime/runtime-source.ts';

const builtInDigests = readFileSync('templates/runtime.sha256', 'utf8');
const hex = (digit: string) => digit.repeat(64);
const own = [
  `${hex('a')}  containerd-1.6.20-linux-amd64.tar.gz`,
  `${hex('b')} *runc.amd64`,
  `${hex('c')}  ./cni-plugins-linux-amd64-v1.1.1.tgz`,
  `${hex('d')}  images/all.tar`,
].join('\n');
const airgap = (digests: string) => ({kind: 'tar', path: '/b.tar', digests}) as const;

describe('runtimeSourceOf', () => {
  it.each([
    ['nothing is the distribution', {}, {kind: 'distro'}],
    ['present installs nothing', {runtimeSource: 'present'}, {kind: 'present'}],
    [
      'archive is each project’s own place',
      {runtimeSource: 'archive', builtInDigests},
      {kind: 'archive', place: {kind: 'origin'}},
    ],
    [
      'a place means archive',
      {runtimeArchives: 'https://mirror.example/k8s/', builtInDigests},
      {kind: 'archive', place: {kind: 'url', base: 'https://mirror.example/k8s'}},
    ],
    [
      'digests of a file win',
      {runtimeArchives: '/srv', runtimeDigests: own},
      {
        kind: 'archive',
        place: {kind: 'directory', path: '/srv'},
        archives: [{part: 'containerd', sha256: hex('a')}, {part: 'runc'}, {part: 'plugins'}],
      },
    ],
    [
      'a bundle brings archives and images',
      {airgap: airgap(own), builtInDigests},
      {kind: 'archive', place: {kind: 'tar'}, images: [{name: 'images/all.tar'}]},
    ],
  ] as const)('%s', (_, input, expected) => {
    expect(runtimeSourceOf(input)).toMatchObject(expected);
  });

  it('has digests for both architectures', () => {
    for (const arch of ['x64', 'arm64'])
      expect(runtimeSourceOf({runtimeSource: 'archive', builtInDigests, arch})).toMatchObject({
        archives: [{part: 'containerd'}, {part: 'runc'}, {part: 'plugins'}],
      });
  });

  it.each([
    ['no digest', {runtimeArchives: '/srv', runtimeDigests: own.split('\n').slice(1).join('\n')}, 'ND521'],
    ['no place', {runtimeSource: 'archive', runtimeDigests: own}, 'ND521'],
    ['a line that is none', {runtimeArchives: '/srv', runtimeDigests: 'abc  runc.amd64'}, 'ND521'],
    ['a name outside', {runtimeArchives: '/srv', runtimeDigests: `${hex('a')}  ../../etc/x`}, 'ND521'],
    ['a contradiction', {runtimeSource: 'present', runtimeArchives: '/srv'}, 'ND904'],
    [
      'a bundle with another file under an official name',
      {airgap: airgap(builtInDigests.replace(/^[0-9a-f]{64}/m, hex('0'))), builtInDigests},
      'ND522',
    ],
  ] as const)('refuses %s', (_, input, code) => {
    expect(() => runtimeSourceOf(input)).toThrow(expect.objectContaining({code}));
  });
});

it('reads what sha256sum writes', () => {
  expect(parseDigests(`# mine\n\n${hex('A')}  x\n`, 'here')).toEqual([{sha256: hex('a'), name: 'x'}]);
});

it('foresees the version that an archive brings', () => {
  const archive = {
    part: 'containerd',
    sha256: '',
    name: 'containerd-static-2.1.9-linux-amd64.tar.gz',
  } as const;
  expect(foreseenVersion(archive)).toBe('containerd 2.1.9');
});

import {describe, expect, it} from 'vitest';
import {mountsAtOrBelow, parseMountinfo} from '../../../../src/edges/mounts/mounts.ts';
import {
  commonUser,
  configMapFiles,
  downwardFiles,
  type Files,
  nestedMountpoints,
  secretFiles,
} from '../../../../src/kubelet/volumes/content.ts';
import {pageSize, tmpfsBytes} from '../../../../src/kubelet/volumes/kinds/empty-dir.ts';
import {pluginFor} from '../../../../src/kubelet/volumes/registry.ts';
import {configMap, container, pod, secret} from '../pod-config/pods.ts';

const shown = (files: Files) =>
  Object.fromEntries(
    [...files].map(([path, {data, mode}]) => [path, `${Buffer.from(data)} ${mode.toString(8)}`]),
  );
const all = {mode: 0o644, optional: false};

describe('files of objects', () => {
  const object = {
    ...configMap('c', {a: 'A', 'b.txt': 'B'}),
    binaryData: {bin: Buffer.from('raw').toString('base64')},
  };

  it('are all keys, binary ones too', () =>
    expect(shown(configMapFiles(object, all))).toEqual({a: 'A 644', 'b.txt': 'B 644', bin: 'raw 644'}));

  it('are only the chosen keys, with paths and modes', () => {
    const items = [
      {key: 'a', path: 'deep/a', mode: 0o400},
      {key: 'bin', path: 'b'},
    ];
    expect(shown(configMapFiles(object, {...all, items}))).toEqual({'deep/a': 'A 400', b: 'raw 644'});
  });

  it('must be there unless they are optional', () => {
    const items = [{key: 'none', path: 'x'}];
    expect(() => configMapFiles(object, {...all, items})).toThrow('non-existent config key: none');
    expect(() => secretFiles(secret('s', {}), {...all, items})).toThrow('non-existent secret key: none');
    expect(shown(configMapFiles(object, {...all, items, optional: true}))).toEqual({});
    expect(shown(secretFiles(undefined, {...all, optional: true}))).toEqual({});
  });

  it('may be fields of the pod', () => {
    const of = pod(
      {containers: [container({resources: {requests: {cpu: '1'}}})]},
      {labels: {a: '1', b: '2'}},
    );
    const items = [
      {path: 'labels', fieldRef: {fieldPath: 'metadata.labels'}},
      {
        path: 'memory',
        mode: 0o400,
        resourceFieldRef: {containerName: 'app', resource: 'limits.memory', divisor: '1Mi'},
      },
    ];
    expect(shown(downwardFiles(of, items, 0o644, {memory: '2Gi'}))).toEqual({
      labels: 'a="1"\nb="2" 644',
      memory: '2048 400',
    });
  });
});

it('belong to a user only where all containers run as the same one', () => {
  const as = (runAsUser: number) => container({securityContext: {runAsUser}});
  expect(commonUser(pod())).toBeUndefined();
  expect(commonUser(pod({securityContext: {runAsUser: 5}}))).toBe(5);
  expect(commonUser(pod({containers: [as(7)], securityContext: {runAsUser: 5}}))).toBe(7);
  expect(
    commonUser(pod({containers: [as(7), container()], securityContext: {runAsUser: 5}})),
  ).toBeUndefined();
});

it('finds the places where other volumes are mounted inside', () => {
  const at = (name: string, mountPath: string) => ({name, mountPath});
  const volumeMounts = [
    at('v', '/etc/v/'),
    at('a', '/etc/v/x'),
    at('b', '/etc/v/x/y'),
    at('c', '/etc/v/z/'),
    at('d', '/etc/vv'),
  ];
  expect(nestedMountpoints(pod({containers: [container({volumeMounts})]}), 'v')).toEqual(['x', 'z']);
});

describe('a tmpfs', () => {
  it.each([
    [undefined, undefined, undefined, undefined],
    ['1Mi', undefined, '1Gi', 2 ** 20],
    [undefined, '64Mi', '1Gi', 64 * 2 ** 20],
    ['128Mi', '64Mi', '1Gi', 64 * 2 ** 20],
    ['0', '64Mi', '1Gi', 64 * 2 ** 20],
    [undefined, undefined, '1Gi', 2 ** 30],
  ])('is bounded by %s, %s and %s', (sizeLimit, memory, allocatable, bytes) => {
    const resources = memory === undefined ? {} : {limits: {memory}};
    expect(tmpfsBytes(pod({containers: [container({resources})]}), sizeLimit, allocatable)).toBe(bytes);
  });

  const limited = container({resources: {limits: {memory: '64Mi'}}});
  const asking = container({resources: {requests: {memory: '64Mi'}}});
  it.each([
    ['a container without a limit', {containers: [limited, asking]}, 1024],
    ['an init container without a limit', {containers: [limited], initContainers: [asking]}, 1024],
    ['a limit of the pod as a whole', {containers: [asking], resources: {limits: {memory: '32Mi'}}}, 32],
    ['what its runtime takes for itself', {containers: [limited], overhead: {memory: '16Mi'}}, 80],
    ['requests only', {containers: [asking]}, 1024],
  ])('has the size that its pod may use: with %s', (_, spec, mebibytes) => {
    expect(tmpfsBytes(pod(spec), undefined, '1Gi')).toBe(mebibytes * 2 ** 20);
  });
});

/** pkg/volume/emptydir, TestGetHugePagesMountOptions, by meaning. */
describe('huge pages', () => {
  const requesting = (...names: string[]) =>
    container({resources: {requests: Object.fromEntries(names.map((name) => [name, '2Gi']))}});
  const [small, large] = ['hugepages-2Mi', 'hugepages-1Gi'];
  const both = {containers: [requesting(small, large)]};
  const wholePod = (...names: string[]) => ({resources: requesting(...names).resources ?? {}});

  it.each([
    ['of the only size', 'HugePages', {containers: [requesting(small)]}, 2 ** 21],
    [
      'that several containers want',
      'HugePages',
      {containers: [requesting(large), requesting(large)]},
      2 ** 30,
    ],
    ['that only an init container wants', 'HugePages', {initContainers: [requesting(large)]}, 2 ** 30],
    ['of one size among two', 'HugePages-1Gi', both, 2 ** 30],
    ['written in another unit', 'HugePages-2048Ki', both, 2 ** 21],
    [
      'of one size each',
      'HugePages-2Mi',
      {containers: [requesting(large)], initContainers: [requesting(small)]},
      2 ** 21,
    ],
    ['of the pod as a whole', 'HugePages', wholePod(small), 2 ** 21],
    ['of the pod as a whole, in two sizes', 'HugePages-2Mi', wholePod(small, large), 2 ** 21],
    [
      'of the pod and of a container',
      'HugePages-2Mi',
      {...wholePod(large), containers: [requesting(small)]},
      2 ** 21,
    ],
  ])('%s are given', (_, medium, spec, bytes) => {
    expect(pageSize(pod(spec), medium)).toBe(bytes);
  });

  it.each([
    ['that nobody requests', 'HugePages', {}],
    ['of two sizes for one', 'HugePages', both],
    [
      'of another size in an init container',
      'HugePages',
      {containers: [requesting(large)], initContainers: [requesting(small)]},
    ],
    ['of two sizes of the pod', 'HugePages', wholePod(small, large)],
    ['of another size of the pod', 'HugePages', {...wholePod(large), containers: [requesting(small)]}],
    ['of a size that is not requested', 'HugePages-1Mi', both],
    ['without a size after the dash', 'HugePages-', both],
    ['of no size', 'HugePages-NN', both],
  ])('%s are refused', (_, medium, spec) => {
    expect(() => pageSize(pod(spec), medium)).toThrow(/huge ?pages?/i);
  });
});

it('refuses kinds of volumes that it cannot give', () => {
  expect(() => pluginFor({name: 'v', gitRepo: {repository: 'x'}})).toThrow(
    'volumes of kind gitRepo are not supported',
  );
  expect(pluginFor({name: 'v', nfs: {path: '/', server: 's'}}).field).toBe('nfs');
  expect(pluginFor({name: 'v'}).field).toBe('emptyDir');
});

it('reads mountinfo, escapes and optional fields included', () => {
  const text = `22 1 0:20 / / rw,relatime shared:1 master:2 - ext4 /dev/sda1 rw
23 22 0:21 / /a rw - tmpfs tmpfs rw,size=4k
24 23 0:22 / /a/b\\040c rw - tmpfs x\\134y rw
25 22 0:23 / /ab rw - tmpfs tmpfs rw
`;
  const entries = parseMountinfo(text);
  expect(entries[2]).toEqual({
    mountPoint: '/a/b c',
    fsType: 'tmpfs',
    source: 'x\\y',
    options: ['rw'],
    superOptions: ['rw'],
  });
  expect(mountsAtOrBelow(entries, '/a')).toEqual(['/a/b c', '/a']);
  expect(parseMountinfo(text, '/a/b c').map(({mountPoint}) => mountPoint)).toEqual(['/a/b c']);
});

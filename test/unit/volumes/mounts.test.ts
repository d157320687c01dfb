import {describe, expect, it} from 'vitest';
import {mountsUpon, parseMountinfo} from '../../../src/edges/mounts/mounts.ts';
import {imageVolumesOf} from '../../../src/kubelet/pod/config/image-volumes.ts';
import {containerDevices, containerMounts} from '../../../src/kubelet/volumes/container-mounts.ts';
import type {PreparedVolume} from '../../../src/kubelet/volumes/types.ts';
import type {Container} from '../../../src/lib/kubernetes.ts';
import {container, pod} from '../kubelet/pod-config/pods.ts';

const mountsOf = (
  mount: NonNullable<Container['volumeMounts']>[number],
  volume: PreparedVolume = {path: '/host/v', readOnly: false},
  recursiveReadOnly = false,
) =>
  containerMounts({
    pod: pod(),
    container: container({volumeMounts: [mount]}),
    rootDir: '/root',
    volumes: new Map([['v', volume]]),
    environment: [],
    recursiveReadOnly,
  });
const mount = {name: 'v', mountPath: '/v'};
const deep = (recursiveReadOnly: string, more = {}) => ({
  ...mount,
  readOnly: true,
  recursiveReadOnly,
  ...more,
});

describe('a recursive read-only mount', () => {
  it.each([
    ['Enabled', true, true],
    ['IfPossible', true, true],
    ['IfPossible', false, false],
    ['Disabled', true, false],
  ])('%s is given where the runtime can (%s): %s', async (wish, can, given) => {
    const [made] = await mountsOf(deep(wish), undefined, can);
    expect(made).toMatchObject({readonly: true, recursiveReadOnly: given});
  });

  it.each([
    [deep('Enabled'), 'failed to resolve recursive read-only mode: volume "v" requested'],
    [deep('Enabled'), 'not supported by the runtime'],
    [deep('Enabled', {readOnly: false}), 'it is not read-only'],
    [
      deep('Enabled', {mountPropagation: 'HostToContainer'}),
      'not compatible with propagation "HostToContainer"',
    ],
    [deep('Always'), 'failed to resolve recursive read-only mode: unknown recursive read-only mode "Always"'],
  ])('%j is refused', async (wish, why) => {
    await expect(mountsOf(wish)).rejects.toThrow(why);
  });
});

it('is relabelled for SELinux where its volume asks for that', async () => {
  const [own] = await mountsOf(mount, {path: '/host/v', readOnly: true, relabel: true});
  expect(own).toMatchObject({selinuxRelabel: true});
  const [shared] = await mountsOf(mount, {path: '/host/v', readOnly: false});
  expect(shared).toMatchObject({selinuxRelabel: false});
});

describe('an image volume', () => {
  const image = {path: '', readOnly: true, image: 'registry.local/a:1'};

  it('is mounted by the runtime, a part of it by its subPath', async () => {
    const [made] = await mountsOf({...mount, subPath: 'dir'}, image);
    expect(made).toMatchObject({
      hostPath: '',
      readonly: true,
      image: {image: 'registry.local/a:1', userSpecifiedImage: 'registry.local/a:1'},
      imageSubPath: 'dir',
    });
  });

  it.each(['../x', '/abs'])('does not take %s as a subPath', async (subPath) => {
    await expect(mountsOf({...mount, subPath}, image)).rejects.toThrow(/subpath/i);
  });

  it('is waited for by the containers that mount it only', () => {
    const of = pod({
      volumes: [
        {name: 'v', image: {reference: 'a', pullPolicy: 'Never'}},
        {name: 'e', emptyDir: {}},
      ],
    });
    expect(imageVolumesOf(of, container({volumeMounts: [mount]}))).toEqual([
      {name: 'volume/v', image: 'a', imagePullPolicy: 'Never'},
    ]);
    expect(imageVolumesOf(of, container())).toEqual([]);
  });
});

describe('a block volume', () => {
  const devices = (devicePath: string, readOnly = false, name = 'v') =>
    containerDevices(
      container({volumeDevices: [{name, devicePath}]}),
      new Map([['v', {path: '/dev/sdx', readOnly}]]),
    );

  it('is a device of the container, to read only where the claim is', () => {
    const device = {containerPath: '/dev/xvda', hostPath: '/dev/sdx'};
    expect(devices('/dev/xvda')).toEqual([{...device, permissions: 'mrw'}]);
    expect(devices('/dev/xvda', true)).toEqual([{...device, permissions: 'r'}]);
  });

  it('is refused at a relative path, and where it was not made', () => {
    expect(() => devices('xvda')).toThrow('must be an absolute path');
    expect(() => devices('/dev/x', false, 'w')).toThrow(
      'cannot find volume "w" to pass into container "app"',
    );
  });
});

it('finds the mounts upon others, the last first', () => {
  const points = ['/', '/p/v', '/p/v/in', '/p/w', '/p/v', '/p/wx/y', '/q'];
  const entries = parseMountinfo(points.map((point) => `1 1 0:1 / ${point} rw - tmpfs t rw`).join('\n'));
  expect(mountsUpon(entries, '/p')).toEqual(['/p/v', '/p/v/in']);
});

import {describe, expect, it} from 'vitest';
import {judgeSilent} from '../../../src/checks/host/disk/file-systems.ts';
import {configProblem, judgeOrder} from '../../../src/checks/runtime/cni-config.ts';
import type {MountEntry} from '../../../src/edges/mounts/mounts.ts';
import {servedMounts} from '../../../src/edges/mounts/silent-mounts.ts';

const mount = (mountPoint: string, fsType: string, source = 'nas:/x'): MountEntry => ({
  mountPoint,
  fsType,
  source,
  options: [],
  superOptions: [],
});
const directories = ['/var/lib/kubelet', '/var/log/pods'];
const pod = (uid: string, name = 'v') => `/var/lib/kubelet/pods/${uid}/volumes/kubernetes.io~nfs/${name}`;
const asked = (...mounts: MountEntry[]) =>
  servedMounts(mounts, directories).map(({mountPoint, holds}) => `${mountPoint} ${holds}`);

describe('of the mounts, those are asked', () => {
  it('that somebody else serves, at, above and below the directories', () => {
    expect(
      asked(
        mount('/', 'ext4'),
        mount('/var', 'nfs4'),
        mount('/var/log/pods', 'fuse.glusterfs'),
        mount('/var/lib/kubeletty', 'nfs', 'nas:/other'),
        mount(pod('a'), 'cifs'),
        mount('/home', 'nfs', 'nas:/home'),
        mount(pod('b'), 'tmpfs'),
      ),
    ).toEqual(['/var true', '/var/log/pods true', `${pod('a')} false`]);
  });

  it('once for each share, and each program', () => {
    expect(
      asked(
        mount(pod('a'), 'nfs4'),
        mount(pod('b'), 'nfs4'),
        mount(pod('c'), 'nfs4', 'nas:/y'),
        mount(pod('d'), 'fuse.s3fs', 's3fs'),
        mount(pod('e'), 'fuse.s3fs', 's3fs'),
      ),
    ).toEqual(['a', 'c', 'd', 'e'].map((uid) => `${pod(uid)} false`));
  });
});

describe('a file system that does not answer', () => {
  const silent = {mountPoint: pod('a'), fsType: 'nfs4', source: 'nas:/x', holds: false};
  it.each([
    [[], []],
    [[silent], ['warning ND116 a volume of default/web does not answer: nas:/x (nfs4) hangs']],
    [
      [silent, {...silent, mountPoint: '/var/log/pods', holds: true}],
      ['error ND116 /var/log/pods does not answer: nas:/x (nfs4) hangs'],
    ],
  ])('of %j', (mounts, expected) => {
    const found = judgeSilent(mounts, 'default/web');
    expect(found.map(({severity, code, message}) => `${severity} ${code} ${message.split('\n')[0]}`)).toEqual(
      expected,
    );
  });
});

describe('CNI configurations in order', () => {
  it.each([
    [['10-nodectl.conflist'], 0],
    [['10-nodectl.conflist', '20-other.conf'], 0],
    [['05-cilium.conflist', '10-nodectl.conflist'], 1],
    [['05-cilium.conflist', '10-flannel.conflist'], 0],
  ])('%j: %i finding', (names, count) => {
    expect(judgeOrder(names, '/etc/cni/net.d')).toHaveLength(count);
  });
});

describe('a CNI configuration that libcni cannot read', () => {
  it.each([
    ['a.conflist', '', 'is empty'],
    ['a.conflist', '{"plugins": [', 'is not valid JSON'],
    ['a.conflist', '[]', 'names no plugins'],
    ['a.conflist', '{"name": "x", "plugins": []}', 'names no plugins'],
    ['a.conf', 'null', 'is no CNI configuration'],
    ['a.conflist', '{"name": "x", "plugins": [{"type": "bridge"}]}', undefined],
    ['a.conf', '{"name": "x", "type": "bridge"}', undefined],
  ])('%s %j: %s', (name, text, problem) => {
    if (problem === undefined) expect(configProblem(name, text)).toBeUndefined();
    else expect(configProblem(name, text)).toContain(problem);
  });
});

import {execFileSync} from 'node:child_process';
import * as fs from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, it} from 'vitest';
import {realClock} from '../../../../src/edges/clock.ts';
import {setGroupOwnership} from '../../../../src/edges/files/pods/ownership.ts';
import {mountsAtOrBelow, readMounts} from '../../../../src/edges/mounts/mounts.ts';
import {giveToGroup} from '../../../../src/kubelet/volumes/access/fs-group.ts';
import {pod} from '../../../unit/kubelet/pod-config/pods.ts';
import {volumeContext} from '../support.ts';

const fsGroup = 4321;
let root: string;

beforeEach(async () => {
  root = await fs.mkdtemp(join(tmpdir(), 'volumes-group-'));
});
afterEach(async () => {
  for (const point of mountsAtOrBelow(await readMounts(), root)) execFileSync('umount', [point]);
  await fs.rm(root, {recursive: true});
});

const shape = async (path: string) => {
  const {mode, gid} = await fs.lstat(join(root, path));
  return `${(mode & 0o7777).toString(8)} ${gid}`;
};

it('gives everything to the group, links themselves and not what they point at', async () => {
  await fs.mkdir(join(root, 'volume/deep'), {recursive: true, mode: 0o755});
  await fs.writeFile(join(root, 'volume/deep/file'), '', {mode: 0o600});
  await fs.writeFile(join(root, 'volume/program'), '', {mode: 0o755});
  await fs.writeFile(join(root, 'outside'), '', {mode: 0o600});
  await fs.symlink('../outside', join(root, 'volume/link'));
  execFileSync('mkfifo', ['-m', '600', join(root, 'volume/fifo')]);
  await setGroupOwnership(join(root, 'volume'), {fsGroup, readOnly: false});
  expect(await shape('volume')).toBe(`2775 ${fsGroup}`);
  expect(await shape('volume/deep')).toBe(`2775 ${fsGroup}`);
  expect(await shape('volume/deep/file')).toBe(`660 ${fsGroup}`);
  expect(await shape('volume/program')).toBe(`775 ${fsGroup}`);
  expect(await shape('volume/fifo')).toBe(`660 ${fsGroup}`);
  expect(await shape('volume/link')).toBe(`777 ${fsGroup}`);
  expect(await shape('outside')).toBe('600 0');
});

it('goes on where a file system gives nothing away, as an export with root squashed or a read-only one', async () => {
  await fs.mkdir(join(root, 'volume/fixed'), {recursive: true});
  await fs.writeFile(join(root, 'volume/after'), '', {mode: 0o600});
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', join(root, 'volume/fixed')]);
  await fs.writeFile(join(root, 'volume/fixed/file'), '', {mode: 0o600});
  await fs.symlink('file', join(root, 'volume/fixed/link'));
  execFileSync('mount', ['-o', 'remount,ro', join(root, 'volume/fixed')]);
  const refused = new Set<string>();
  let visited = 0;
  const watch = {visited: () => void visited++, refused: (path: string) => void refused.add(path)};
  await setGroupOwnership(join(root, 'volume'), {fsGroup, readOnly: false}, watch);
  expect([...refused].sort()).toEqual(
    ['fixed', 'fixed/file', 'fixed/link'].map((path) => join(root, 'volume', path)),
  );
  expect(visited).toBe(5);
  expect(await shape('volume/fixed/file')).toBe('600 0');
  expect(await shape('volume/after')).toBe(`660 ${fsGroup}`);
  expect((await fs.stat(join(root, 'volume'))).gid).toBe(fsGroup);
});

it('says that it takes long, and how far it has come, to the pod that waits', async () => {
  const volume = join(root, 'pods/u-1/volumes/kubernetes.io~csi/v/mount');
  await fs.mkdir(volume, {recursive: true});
  await fs.writeFile(join(volume, 'file'), '');
  const told: string[] = [];
  let due: (() => void) | undefined;
  const clock = {
    ...realClock,
    after: (_ms: number, work: () => void) => {
      due = work;
      return () => {
        due = undefined;
      };
    },
  };
  const context = volumeContext(
    root,
    {configMaps: new Map(), secrets: new Map()},
    {
      clock,
      tell: (_pod, type, reason, message) => void told.push(`${type} ${reason} ${message}`),
    },
  );
  const done = giveToGroup({pod: pod({securityContext: {fsGroup}}), context}, volume);
  due?.();
  due?.();
  await done;
  expect(due).toBeUndefined();
  const about =
    'Warning VolumePermissionChangeInProgress Setting volume ownership for u-1/volumes/kubernetes.io~csi/v/mount';
  expect(told).toEqual([
    expect.stringContaining(`${about} is taking longer than expected, consider using OnRootMismatch`),
    expect.stringMatching(new RegExp(`^${about}, processed \\d+ files\\.$`)),
  ]);
  expect(await shape('pods/u-1/volumes/kubernetes.io~csi/v/mount/file')).toBe(`664 ${fsGroup}`);
});

import {execFileSync} from 'node:child_process';
import * as fs from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, it} from 'vitest';
import {setGroupOwnership} from '../../../src/edges/files/ownership.ts';
import {mountsAtOrBelow, readMounts} from '../../../src/edges/mounts/mounts.ts';

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
  await setGroupOwnership(join(root, 'volume'), {fsGroup, readOnly: false});
  expect(await shape('volume/fixed/file')).toBe('600 0');
  expect(await shape('volume/after')).toBe(`660 ${fsGroup}`);
  expect((await fs.stat(join(root, 'volume'))).gid).toBe(fsGroup);
});

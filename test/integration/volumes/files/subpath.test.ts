import {execFileSync} from 'node:child_process';
import * as fs from 'node:fs/promises';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {mountsAtOrBelow, readMounts} from '../../../../src/edges/mounts/mounts.ts';
import {bindSubPath} from '../../../../src/edges/mounts/subpath.ts';

/** By meaning, the tables of pkg/volume/util/subpath/subpath_linux_test.go. */
let root: string;
let volume: string;
let target: string;

beforeEach(async () => {
  root = await fs.mkdtemp(join(tmpdir(), 'volumes-subpath-'));
  volume = join(root, 'volume');
  target = join(root, 'pod/volume-subpaths/v/app/0');
  await fs.mkdir(volume, {mode: 0o750});
});
afterEach(async () => {
  for (const point of mountsAtOrBelow(await readMounts(), root)) execFileSync('umount', [point]);
  await fs.rm(root, {recursive: true});
});

const inside = (path: string): string => join(volume, path);
const make = (...paths: string[]) =>
  Promise.all(paths.map((path) => fs.mkdir(inside(path), {recursive: true, mode: 0o750})));
const same = async (path: string, other: string): Promise<boolean> => {
  const [a, b] = await Promise.all([fs.stat(path), fs.stat(other)]);
  return a.dev === b.dev && a.ino === b.ino;
};
const mounted = async (): Promise<string[]> => mountsAtOrBelow(await readMounts(), root);

type Case = readonly [what: string, prepare: () => Promise<unknown>, path: string, leadsTo: string];

const bound: readonly Case[] = [
  ['a directory', () => make('dir'), 'dir', 'dir'],
  ['a directory that is not there yet', () => make('.'), 'test/directory', 'test/directory'],
  ['the volume itself', () => make('.'), '.', '.'],
  ['a file', () => fs.writeFile(inside('file'), ''), 'file', 'file'],
  ['a link to a directory', () => make('dir').then(() => fs.symlink('dir', inside('link'))), 'link', 'dir'],
  [
    'a new directory behind a link',
    () => make('destination').then(() => fs.symlink('destination', inside('test'))),
    'test/directory',
    'destination/directory',
  ],
  [
    'a link by its full path',
    () => make('dir').then(() => fs.symlink(inside('dir'), inside('link'))),
    'link',
    'dir',
  ],
  [
    'a link one up, and inside all the same',
    () => make('dir', 'exists').then(() => fs.symlink('../exists', inside('dir/test'))),
    'dir/test',
    'exists',
  ],
  [
    'links over and over',
    async () => {
      await make('test1', 'test2');
      await fs.symlink(inside('test2'), inside('test1/dir'));
      await fs.symlink(inside('test1'), inside('test2/dir'));
    },
    'test1/dir/dir/dir/dir/dir/dir/dir/foo',
    'test2/foo',
  ],
  ['a FIFO', async () => execFileSync('mkfifo', [inside('fifo')]), 'fifo', 'fifo'],
];

describe('a sub-path may be', () => {
  it.each(bound)('%s', async (_, prepare, path, leadsTo) => {
    await prepare();
    await bindSubPath(volume, path, target);
    expect(await same(target, inside(leadsTo))).toBe(true);
    expect(await mounted()).toEqual([target]);
    // Again, and nothing changes.
    await bindSubPath(volume, path, target);
    expect(await mounted()).toEqual([target]);
  });

  it('a socket', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(inside('socket'), resolve));
    try {
      await bindSubPath(volume, 'socket', target);
      expect((await fs.stat(target)).isSocket()).toBe(true);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  });
});

const outside = () => fs.writeFile(join(root, 'child'), 'not the pod’s');
const refused: readonly (readonly [what: string, prepare: () => Promise<unknown>, path: string])[] = [
  ['leads up', () => make('dir'), '..'],
  ['leads up in the end', () => make('test'), 'test/../../..'],
  ['is absolute', () => make('dir'), '/dir'],
  ['is a link to what is above', () => fs.symlink('..', inside('dir')), 'dir'],
  ['is a link to the root', () => fs.symlink('/', inside('test')), 'test/directory'],
  ['is a link that leads out', () => fs.symlink(root, inside('dir')), 'dir'],
  [
    'is in a directory that leads out',
    () => outside().then(() => fs.symlink(root, inside('dir'))),
    'dir/child',
  ],
  ['is nothing in a directory that leads out', () => fs.symlink(root, inside('dir')), 'dir/child'],
  [
    'has a link that leads out in its middle',
    () => Promise.all([outside(), make('dir')]).then(() => fs.symlink(root, inside('dir/link'))),
    'dir/link/child',
  ],
  ['is behind a link to nothing', () => fs.symlink('non-existing', inside('test')), 'test/directory'],
  [
    'is a link to nothing',
    () => make('dir').then(() => fs.symlink('../none', inside('dir/test'))),
    'dir/test',
  ],
  ['is a link to itself', () => fs.symlink('test', inside('test')), 'test/directory'],
  ['goes through a file', () => fs.writeFile(inside('test'), ''), 'test/directory'],
];

describe('a sub-path is refused that', () => {
  it.each(refused)('%s', async (_, prepare, path) => {
    await prepare();
    const before = await fs.readdir(root);
    await expect(bindSubPath(volume, path, target)).rejects.toThrow();
    expect(await mounted()).toEqual([]);
    expect(await fs.readdir(root)).toEqual(before);
  });
});

describe('a directory that is made for a sub-path', () => {
  it.each([0o750, 0o777, 0o2777, 0o1777, 0o4777])('has the mode of its volume: %o', async (mode) => {
    await fs.chmod(volume, mode);
    await bindSubPath(volume, 'test/directory', target);
    for (const path of ['test', 'test/directory'])
      expect((await fs.stat(inside(path))).mode & 0o7777).toBe(mode);
  });

  it('keeps its mode where it was there', async () => {
    await make('test');
    await fs.chmod(inside('test'), 0o700);
    await bindSubPath(volume, 'test', target);
    expect((await fs.stat(inside('test'))).mode & 0o7777).toBe(0o700);
  });
});

it('takes away what another one is mounted at the place', async () => {
  await make('dir', 'other');
  await bindSubPath(volume, 'other', target);
  await bindSubPath(volume, 'dir', target);
  expect(await same(target, inside('dir'))).toBe(true);
  expect(await mounted()).toEqual([target]);
});

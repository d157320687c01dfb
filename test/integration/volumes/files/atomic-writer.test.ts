import * as fs from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {atOnce, byThreads, type FileCalls} from '../../../../src/edges/files/at-once.ts';
import {cleanPath, writeProjection} from '../../../../src/edges/files/pods/atomic-writer.ts';

/** By meaning, the tables of pkg/volume/util/atomic_writer_test.go. */
let volume: string;
beforeEach(async () => {
  volume = await fs.mkdtemp(join(tmpdir(), 'volumes-atomic-'));
});
afterEach(() => fs.rm(volume, {recursive: true}));

/** Content by path; a number before it is its mode. */
type Version = Readonly<Record<string, string>>;
const modeOf = (text: string): number => Number.parseInt(/^\d{4}/.exec(text)?.[0] ?? '0644', 8);
const write = (version: Version, calls?: FileCalls) =>
  writeProjection(
    volume,
    new Map(
      Object.entries(version).map(([path, text]) => [path, {data: Buffer.from(text), mode: modeOf(text)}]),
    ),
    undefined,
    calls,
  );

/** All that containers see, links followed, with modes; what begins with two dots is not for them. */
async function shown(below = ''): Promise<Version> {
  let all: Version = {};
  for (const name of await fs.readdir(join(volume, below))) {
    const path = join(below, name);
    if (name.startsWith('..')) continue;
    const stats = await fs.stat(join(volume, path));
    if (stats.isDirectory()) all = {...all, ...(await shown(path))};
    else {
      const text = await fs.readFile(join(volume, path), 'utf8');
      expect(stats.mode & 0o7777, path).toBe(modeOf(text));
      all = {...all, [path]: text};
    }
  }
  return all;
}
const versionsLeft = async () => (await fs.readdir(volume)).filter((name) => /^\.\.\d/.test(name));

const two = {foo: 'foo', bar: 'bar'};
const deep = {'foo/bar.txt': 'foo', 'bar/zab.txt': 'bar'};
const histories: readonly (readonly [what: string, versions: readonly Version[]])[] = [
  ['files', [two]],
  ['hidden files', [{...two, '.dotfile': 'dot', '.dotfile.file': 'dots'}]],
  ['modes of their own', [{a: '0777 a', b: '0400 b', '.c': '0407 c', d: '0666 d'}]],
  ['directories', [{...deep, 'foo/blaz/bar.txt': 'x', '1/2/3/4/5/6/7/8/9/10/.lib': '0777 y'}]],
  ['an update', [two, {foo: 'foo2', bar: '0640 bar2'}]],
  ['update upon update', [two, {foo: '0400 2', bar: '0400 2'}, {foo: '0600 3', bar: '0600 3'}]],
  ['the same again', [deep, deep]],
  ['a new directory', [deep, {...deep, 'blu/two/2/3/4/5/zip.txt': 'zip'}]],
  ['more in a directory', [deep, {...deep, 'bar/2/3/4/5/zip.txt': 'zip'}]],
  ['one file less', [two, {foo: 'foo'}]],
  ['one directory less', [deep, {'foo/bar.txt': 'foo'}]],
  [
    'the deepest less',
    [
      {...deep, 'bar/1/2/3/4/5/6zab.txt': 'x', 'bar/1/2/sip.txt': 's'},
      {...deep, 'bar/1/2/sip.txt': 's'},
    ],
  ],
  ['nothing any more', [{...deep, 'bar/1/2/sip.txt': 's'}, {}]],
  ['all others', [{'foo/bar.txt': 'foo'}, {'bar/baz.txt': 'baz'}]],
  ['and back', [deep, {'foo/bar.txt': 'new'}, {'foo/bar.txt': 'foo', 'zip/zap/zup/fop.txt': 'z'}]],
  ['a file where a directory was', [{'a/b': 'deep'}, {a: 'flat'}, {'a/b': 'deep'}]],
];

describe.each([
  ['on a disk', byThreads],
  ['in memory', atOnce],
])('a volume %s shows exactly', (_where, calls) => {
  it.each(histories)('%s', async (_, versions) => {
    let before: Version | undefined;
    for (const version of versions) {
      expect(await write(version, calls)).toBe(JSON.stringify(version) !== JSON.stringify(before));
      expect(await shown()).toEqual(version);
      expect(await versionsLeft()).toHaveLength(1);
      before = version;
    }
  });

  it('what is asked for, also where paths have more slashes than they need', async () => {
    await write({'foo//bar.txt': 'a', 'bar/zib////zib/zab.txt': 'b'}, calls);
    expect(await shown()).toEqual({'foo/bar.txt': 'a', 'bar/zib/zib/zab.txt': 'b'});
  });

  it('what it showed, where a part of the next version cannot be written', async () => {
    await write(two, calls);
    await expect(write({foo: 'new', '..bar': 'b'}, calls)).rejects.toThrow('invalid path');
    await expect(write({'foo/../bar': 'b'}, calls)).rejects.toThrow('invalid path');
    expect(await shown()).toEqual(two);
    expect(await versionsLeft()).toHaveLength(1);
  });
});

it.each([
  ['i/am/well/behaved.txt', true],
  ['keepyourheaddownandfollowtherules.txt', true],
  ['a/..b', true],
  [`${'a/'.repeat(2048)}b`, false],
  ['a'.repeat(256), false],
  ['ä'.repeat(128), false],
  ['/dev/null', false],
  ['..sneaky.txt', false],
  ['hello/there/../../../../../../etc/passwd', false],
  ['hello/../etc/somethingbad', false],
  ['', false],
])('takes the path %s: %s', (path, valid) => {
  if (valid) expect(cleanPath(path)).toBe(path);
  else expect(() => cleanPath(path)).toThrow('invalid path');
});

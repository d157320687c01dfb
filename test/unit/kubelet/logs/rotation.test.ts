import {mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {gunzipSync} from 'node:zlib';
import {expect, it} from 'vitest';
import {compressFile} from '../../../../src/edges/logs/rotated-logs.ts';
import {decideRotation} from '../../../../src/kubelet/logs/decide.ts';
import {nowMs} from '../pod/fixtures.ts';

const now = '20260101-001000';
const [a, b, c] = ['0.log.20260101-000100', '0.log.20260101-000200', '0.log.20260101-000300'];

it.each<[string, number | undefined, string[], string[]]>([
  ['nothing of a small log', 99, ['0.log', `${a}`], []],
  ['opens a log that is lost', undefined, [], ['reopen']],
  ['only renames the first time', 100, ['0.log'], [`rotate ${now}`]],
  ['compresses the one before', 100, ['0.log', `${a}`], [`compress ${a}`, `rotate ${now}`]],
  [
    'removes the oldest, and compresses none twice',
    100,
    ['0.log', `${a}.gz`, `${b}.gz`, `${c}`],
    [`remove ${a}.gz`, `compress ${c}`, `rotate ${now}`],
  ],
  [
    'removes what a crash has left',
    100,
    ['0.log', `${a}`, `${a}.gz`, `${b}.tmp`],
    [`remove ${a}`, `remove ${b}.tmp`, `rotate ${now}`],
  ],
  ['leaves the logs of other runs alone', 100, ['0.log', '1.log', `1${a.slice(1)}`], [`rotate ${now}`]],
])('%s', (_, size, names, expected) => {
  const acts = decideRotation({path: '/logs/main/0.log', size, names, nowMs}, {maxBytes: 100, maxFiles: 4});
  const words = acts.map((act) => {
    if (act.do === 'reopen') return act.do;
    return `${act.do} ${act.do === 'rotate' ? act.to.slice('/logs/main/0.log.'.length) : act.path.slice('/logs/main/'.length)}`;
  });
  expect(words).toEqual(expected);
});

it('keeps no rotated log but the last when there may be two', () => {
  const seen = {path: '/l/0.log', size: 100, names: ['0.log', `${a}`, `${b}`], nowMs};
  expect(decideRotation(seen, {maxBytes: 100, maxFiles: 2}).map((act) => act.do)).toEqual([
    'remove',
    'remove',
    'rotate',
  ]);
});

it('rotates nothing with a negative size', () => {
  const seen = {path: '/l/0.log', size: 100, names: ['0.log'], nowMs};
  expect(decideRotation(seen, {maxBytes: -1, maxFiles: 5})).toEqual([]);
});

it('compresses a file in its place', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'nodectl-test-logs-'));
  try {
    const path = join(dir, 'x');
    await writeFile(path, 'line\n');
    await compressFile(path, `${path}.gz`, `${path}.tmp`);
    expect(gunzipSync(await readFile(`${path}.gz`)).toString()).toBe('line\n');
    await expect(readFile(path)).rejects.toThrow('ENOENT');
  } finally {
    await rm(dir, {recursive: true, force: true});
  }
});

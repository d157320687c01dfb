import {appendFileSync, mkdtempSync, renameSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, it} from 'vitest';
import {LogFile} from '../../../../src/edges/logs/log-file.ts';

let root: string;
let path: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'nodectl-log-'));
  path = join(root, '0.log');
});
afterEach(() => rmSync(root, {recursive: true}));

const text = async (file: LogFile) => (await file.read())?.toString();

it('ends where the file ended, also when its container goes on writing', async () => {
  writeFileSync(path, 'one\ntwo\n');
  const file = await LogFile.open(root, '0.log');
  try {
    await file.endHere();
    appendFileSync(path, 'three\n');
    await file.seekTail(1);
    expect(await text(file)).toBe('two\n');
    expect(await text(file)).toBeUndefined();
  } finally {
    await file.close();
  }
});

it('misses no file that is rotated in its turn while the one before may still be written', async () => {
  writeFileSync(path, 'one\n');
  const file = await LogFile.open(root, '0.log');
  try {
    expect(await text(file)).toBe('one\n');
    renameSync(path, `${path}.1`);
    writeFileSync(path, 'three\n');
    expect(await file.reopenIfRotated(60_000)).toBe(false);
    renameSync(path, `${path}.2`);
    writeFileSync(path, 'four\n');
    appendFileSync(`${path}.1`, 'two\n');
    expect(await text(file)).toBe('two\n');
    expect(await file.reopenIfRotated(0)).toBe(true);
    expect(await text(file)).toBe('three\n');
    expect(await file.reopenIfRotated(0)).toBe(true);
    expect(await text(file)).toBe('four\n');
  } finally {
    await file.close();
  }
});

it('reads nothing twice when a rotation is taken back', async () => {
  writeFileSync(path, 'one\n');
  const file = await LogFile.open(root, '0.log');
  try {
    expect(await text(file)).toBe('one\n');
    renameSync(path, `${path}.1`);
    expect(await file.reopenIfRotated(0)).toBe(false);
    renameSync(`${path}.1`, path);
    expect(await file.reopenIfRotated(0)).toBe(false);
    expect(await text(file)).toBeUndefined();
  } finally {
    await file.close();
  }
});

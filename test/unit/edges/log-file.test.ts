import {appendFileSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {expect, it} from 'vitest';
import {LogFile} from '../../../src/edges/log-file.ts';

it('ends where the file ended, also when its container goes on writing', async () => {
  const root = mkdtempSync(join(tmpdir(), 'nodectl-log-'));
  writeFileSync(join(root, '0.log'), 'one\ntwo\n');
  const file = await LogFile.open(root, '0.log');
  try {
    await file.endHere();
    appendFileSync(join(root, '0.log'), 'three\n');
    await file.seekTail(1);
    expect((await file.read())?.toString()).toBe('two\n');
    expect(await file.read()).toBeUndefined();
  } finally {
    await file.close();
    rmSync(root, {recursive: true});
  }
});

import {closeSync, mkdtempSync, openSync, rmSync} from 'node:fs';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, expect, it} from 'vitest';
import {handlesOf, openFiles} from '../../../src/edges/process/open-files.ts';

const directory = mkdtempSync(join(tmpdir(), 'nodectl-open-files-'));
afterEach(() => rmSync(directory, {recursive: true, force: true}));

it('counts what a process has open, sockets apart, and tells its limit', async () => {
  const before = await handlesOf([process.pid]);
  const files = Array.from({length: 7}, () => openSync('/dev/null', 'r'));
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(join(directory, 'socket'), resolve));
  try {
    const now = await handlesOf([process.pid]);
    expect(now.files).toBeGreaterThanOrEqual(before.files + 8);
    expect(now.sockets).toBe(before.sockets + 1);
    expect(now.softLimit).toBe((await openFiles(process.pid)).max || -1);
    expect((await handlesOf([process.pid, process.pid])).sockets).toBe(2 * now.sockets);
  } finally {
    for (const file of files) closeSync(file);
    await new Promise((resolve) => server.close(resolve));
  }
});

it('counts nothing of a process that has gone', async () => {
  expect(await handlesOf([2 ** 22 + 1])).toEqual({files: 0, sockets: 0, softLimit: undefined});
  expect(await handlesOf([])).toEqual({files: 0, sockets: 0, softLimit: undefined});
});

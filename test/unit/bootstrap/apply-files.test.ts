import {mkdir, mkdtemp, rm, symlink} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, expect, it} from 'vitest';
import {applyFile} from '../../../src/bootstrap/apply/apply-files.ts';
import {readKey, usableKey} from '../../../src/bootstrap/apply/certificate.ts';
import {Journal} from '../../../src/bootstrap/undo/journal.ts';
import {readText} from '../../../src/edges/files/files.ts';
import {journalStore} from '../../../src/edges/logs/journal-store.ts';
import {generateKey} from '../../../src/edges/trust/x509.ts';

let directory: string;
let journal: Journal;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'nodectl-apply-'));
  journal = await Journal.open(journalStore(join(directory, 'journal')));
});
afterAll(() => rm(directory, {recursive: true}));

it('names the directory that lies where a file belongs, and touches nothing', async () => {
  const path = join(directory, 'kubelet.conf');
  await mkdir(path);
  const act = {kind: 'file', path, content: 'x', mode: 0o600} as const;
  await expect(applyFile(act, journal)).rejects.toMatchObject({
    code: 'ND111',
    message: `${path} is no file, which it must be: it is a directory`,
  });
  expect(journal.entries.filter(({target}) => target === path)).toEqual([]);
});

it('takes the place of a link that leads nowhere', async () => {
  const path = join(directory, 'link');
  await symlink('/nowhere', path);
  await applyFile({kind: 'file', path, content: 'x', mode: 0o600}, journal);
  expect(await readText(path)).toBe('x');
  expect(journal.find({kind: 'file', target: path})).toMatchObject({before: {kind: 'link', to: '/nowhere'}});
});

it('makes another key where the cached one is cut, as client-go does, and says when one is gone', async () => {
  const key = generateKey();
  expect(usableKey(key)).toBe(key);
  expect([undefined, '', 'x', key.slice(0, 60)].map(usableKey)).toEqual(Array(4).fill(undefined));
  const path = join(directory, 'kubelet-client.key.tmp');
  await expect(readKey(path)).rejects.toMatchObject({code: 'ND419', message: expect.stringContaining(path)});
});

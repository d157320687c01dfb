import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {applyFile, keepFile} from '../../../src/bootstrap/apply/apply-files.ts';
import {Journal} from '../../../src/bootstrap/undo/journal.ts';
import {undoEntry} from '../../../src/bootstrap/undo/undo.ts';
import {journalStore} from '../../../src/edges/logs/journal-store.ts';
import {run} from '../../../src/edges/process/exec.ts';
import {supervisedServices} from '../../../src/edges/systemd/supervised.ts';

let dir: string;
let journal: Journal;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nodectl-undo-'));
  journal = await Journal.open(journalStore(join(dir, 'state/journal')));
});
afterEach(async () => {
  await rm(dir, {recursive: true, force: true});
});

/** As a later process would: from what the journal's files say. */
async function undoAll(): Promise<(string | undefined)[]> {
  const stateDir = join(dir, 'state');
  const again = await Journal.open(journalStore(join(stateDir, 'journal')));
  const services = supervisedServices({
    dir: join(stateDir, 'supervisor'),
    logDir: join(dir, 'log'),
    program: [],
  });
  const left: (string | undefined)[] = [];
  for (const entry of again.entries.toReversed())
    left.push(await undoEntry(entry, {journal: again, services, packages: undefined, stateDir}));
  return left;
}

describe('undoing', () => {
  const path = () => join(dir, 'etc/config');
  const write = (content: string) => applyFile({kind: 'file', path: path(), content, mode: 0o600}, journal);

  it('takes away a file and the directories that were made for it', async () => {
    await write('ours');
    expect(await undoAll()).toEqual([undefined, undefined]);
    expect(await readdir(dir)).toEqual(['state']);
  });

  it('puts back content and mode, after any number of changes', async () => {
    await mkdir(join(dir, 'etc'));
    await writeFile(path(), 'theirs');
    await chmod(path(), 0o640);
    await write('ours');
    await write('ours, newer');
    expect(await undoAll()).toEqual([undefined]);
    expect(await readFile(path(), 'utf8')).toBe('theirs');
    expect((await lstat(path())).mode & 0o777).toBe(0o640);
  });

  it('puts back a link', async () => {
    await mkdir(join(dir, 'etc'));
    await symlink('/somewhere', path());
    await applyFile({kind: 'link', path: path(), to: '/elsewhere'}, journal);
    expect(await readlink(path())).toBe('/elsewhere');
    expect(await undoAll()).toEqual([undefined]);
    expect(await readlink(path())).toBe('/somewhere');
  });

  it('leaves what was edited since, and says so', async () => {
    await write('ours');
    await writeFile(path(), 'edited by hand');
    expect(await undoAll()).toEqual(['it was changed since nodectl wrote it', 'it is not empty']);
    expect(await readFile(path(), 'utf8')).toBe('edited by hand');
  });

  it('brings back what a package took along, and leaves it alone when it is there', async () => {
    await mkdir(join(dir, 'etc'));
    for (const name of ['gone', 'edited']) {
      await writeFile(join(dir, 'etc', name), 'theirs');
      await keepFile(join(dir, 'etc', name), journal);
    }
    await rm(join(dir, 'etc/gone'));
    await writeFile(join(dir, 'etc/edited'), 'theirs, newer');
    expect(await undoAll()).toEqual([undefined, undefined]);
    expect(await readFile(join(dir, 'etc/gone'), 'utf8')).toBe('theirs');
    expect(await readFile(join(dir, 'etc/edited'), 'utf8')).toBe('theirs, newer');
  });

  it('is the same when it is done twice', async () => {
    await write('ours');
    await undoAll();
    expect(await undoAll()).toEqual([undefined, undefined]);
  });

  it('keeps what was in a data directory before', async () => {
    const data = join(dir, 'data');
    await mkdir(data);
    await writeFile(join(data, 'theirs'), '');
    await applyFile({kind: 'tree', path: data, mode: 0o700}, journal);
    await mkdir(join(data, 'ours/deep'), {recursive: true});
    expect(await undoAll()).toEqual([undefined]);
    expect(await readdir(data)).toEqual(['theirs']);
  });

  it('never removes through a mount: sources of binds survive', async () => {
    const [data, source] = [join(dir, 'data'), join(dir, 'source')];
    await mkdir(source);
    await writeFile(join(source, 'precious'), '');
    await applyFile({kind: 'tree', path: data, mode: 0o700}, journal);
    await mkdir(join(data, 'volume/nested'), {recursive: true});
    await run('mount', ['--bind', source, join(data, 'volume')]);
    await mkdir(join(source, 'nested'), {recursive: true});
    await run('mount', ['-t', 'tmpfs', 'tmpfs', join(data, 'volume/nested')]);
    expect(await undoAll()).toEqual([undefined]);
    expect(await readdir(dir)).not.toContain('data');
    expect((await readdir(source)).sort()).toEqual(['nested', 'precious']);
  });
});

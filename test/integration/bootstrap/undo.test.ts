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
import {resetNode} from '../../../src/bootstrap/undo/reset.ts';
import {undoEntry} from '../../../src/bootstrap/undo/undo.ts';
import {layoutBelow} from '../../../src/config/layout.ts';
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

  it('puts back no copy that the disk has spoilt or lost, and says so', async () => {
    await mkdir(join(dir, 'etc'));
    await writeFile(path(), 'theirs');
    await write('ours');
    const [copy = ''] = (await readdir(join(dir, 'state/journal'))).filter((name) => name.endsWith('.pre'));
    await writeFile(join(dir, 'state/journal', copy), '');
    expect(await undoAll()).toEqual(['its copy in the journal is damaged']);
    await rm(join(dir, 'state/journal', copy));
    expect(await undoAll()).toEqual(['its copy in the journal is gone']);
    expect(await readFile(path(), 'utf8')).toBe('ours');
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

describe('a reset', () => {
  const place = () => ({layout: layoutBelow(dir), ownLayout: true, plan: false, drain: false});
  const deps = () => ({onStep: () => undefined, signal: AbortSignal.timeout(20_000), program: []});
  const entry = (name: string) => join(dir, 'state/journal', name);

  /** What a join does first, and then a file. */
  async function begin(): Promise<readonly string[]> {
    await applyFile({kind: 'tree', path: join(dir, 'state'), mode: 0o700}, journal);
    await applyFile({kind: 'file', path: join(dir, 'etc/config'), content: 'ours', mode: 0o600}, journal);
    return (await readdir(join(dir, 'state/journal'))).sort();
  }

  it('undoes the rest where a power loss has cut the last entry', async () => {
    const last = (await begin()).at(-1) ?? '';
    await writeFile(entry(last), (await readFile(entry(last), 'utf8')).slice(0, -20));
    const {left} = await resetNode(place(), deps());
    expect(left).toEqual([
      {
        what: 'the last entry of the journal',
        why: expect.stringMatching(/ends in its middle, .* told of file \//),
      },
      expect.objectContaining({what: expect.stringMatching(/^directory /), why: 'it is not empty'}),
    ]);
    expect(await readdir(dir)).toEqual(['etc']);
  });

  it('takes away a journal of nothing but a cut entry', async () => {
    await mkdir(join(dir, 'state/journal'), {recursive: true});
    await writeFile(entry('0001.json'), '');
    const {left} = await resetNode(place(), deps());
    expect(left).toEqual([{what: 'the last entry of the journal', why: expect.stringContaining('is empty')}]);
    expect(await readdir(dir)).toEqual([]);
  });

  it('undoes nothing at all before damage in the middle is told', async () => {
    const [first = ''] = await begin();
    await writeFile(entry(first), '\0'.repeat(40));
    await expect(resetNode(place(), deps())).rejects.toMatchObject({code: 'ND610'});
    expect(await readFile(join(dir, 'etc/config'), 'utf8')).toBe('ours');
  });

  it('undoes the rest when the damaged entries were moved away, and leaves what nobody knows', async () => {
    const [first = ''] = await begin();
    await rm(entry(first));
    await writeFile(join(dir, 'state/theirs'), '');
    const {left} = await resetNode(place(), deps());
    expect(left).toEqual([
      {what: join(dir, 'state'), why: 'the journal does not tell what was in it before'},
    ]);
    expect(await readdir(dir)).toEqual(['state']);
    expect(await readdir(join(dir, 'state'))).toEqual(['theirs']);
  });
});

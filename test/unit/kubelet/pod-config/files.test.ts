import {link, mkdtemp, readFile, rm, stat, symlink, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import {writeInPlace} from '../../../../src/edges/files/pods/pod-files.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nodectl-test-files-'));
});
afterEach(() => rm(dir, {recursive: true, force: true}));

describe('a file that is mounted into containers', () => {
  it('gets its new content without being replaced', async () => {
    const path = join(dir, 'etc-hosts');
    await writeInPlace(path, 'a long first content\n', 0o644);
    // A second name of the inode sees what a bind mount of it would.
    await link(path, join(dir, 'mounted'));
    await writeInPlace(path, 'short\n', 0o644);
    expect(await readFile(join(dir, 'mounted'), 'utf8')).toBe('short\n');
    expect((await stat(path)).mode & 0o777).toBe(0o644);
  });

  it('is not written through a link', async () => {
    await writeFile(join(dir, 'other'), 'kept');
    await symlink(join(dir, 'other'), join(dir, 'etc-hosts'));
    await expect(writeInPlace(join(dir, 'etc-hosts'), 'new', 0o644)).rejects.toThrow('ELOOP');
    expect(await readFile(join(dir, 'other'), 'utf8')).toBe('kept');
  });
});

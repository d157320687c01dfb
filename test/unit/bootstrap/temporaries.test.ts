import {mkdtemp, readdir, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {expect, it} from 'vitest';
import {removeOrphans, writerOf} from '../../../src/edges/files/temporaries.ts';

it.each([
  ['.1234.x7kq2.tmp', 1234],
  ['.1234.copy.tmp', 1234],
  ['kubelet.1234.x7kq2.tmp', 1234],
  ['kubelet-client.key.tmp', undefined],
  ['mine.tmp', undefined],
  ['config.yaml', undefined],
])('%s was written by %s', (name, pid) => {
  expect(writerOf(name)).toBe(pid);
});

it('takes away what dead writers left, and nothing else', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'nodectl-orphans-'));
  try {
    // Beyond any pid_max: nobody has this number.
    for (const name of ['.4194999.a.tmp', 'link.4194999.b.tmp', `.${process.pid}.c.tmp`, 'kept.tmp'])
      await writeFile(join(dir, name), '');
    await removeOrphans([dir, join(dir, 'absent')], Date.now());
    expect(await readdir(dir)).toEqual([`.${process.pid}.c.tmp`, 'kept.tmp']);
  } finally {
    await rm(dir, {recursive: true});
  }
});

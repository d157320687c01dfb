import {mkdir, mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {afterEach, beforeEach, expect, it} from 'vitest';
import {readKubeletSources} from '../../../src/edges/files/kubelet-sources.ts';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'nodectl-sources-'));
});
afterEach(() => rm(dir, {recursive: true}));

async function write(name: string, text: string): Promise<string> {
  const path = join(dir, name);
  await mkdir(dirname(path), {recursive: true});
  await writeFile(path, text);
  return path;
}

/** By meaning cmd/kubelet/app, TestMergeKubeletConfigsWithSubdirs. */
it('reads the file, then *.conf of the directory and of those below it in the order of their names', async () => {
  const file = await write('config.yaml', 'main');
  for (const name of ['30.conf', '10.conf', 'sub-dir2/10.conf', 'sub-dir1/20.conf', '20/x.conf'])
    await write(`conf.d/${name}`, name);
  await write('conf.d/15.yaml', 'skipped');
  const {sources, skipped} = await readKubeletSources(file, join(dir, 'conf.d'));
  expect(sources.map(({text, dropIn}) => [text, dropIn])).toEqual([
    ['main', undefined],
    ...['10.conf', '20/x.conf', '30.conf', 'sub-dir1/20.conf', 'sub-dir2/10.conf'].map((name) => [
      name,
      true,
    ]),
  ]);
  expect(skipped).toEqual([`${join(dir, 'conf.d/15.yaml')}: is no *.conf, and is not read`]);
});

it('reads nothing where nothing is named', async () => {
  expect(await readKubeletSources(undefined, '')).toEqual({sources: [], skipped: []});
});

it.each<[string, [string?, string?], string]>([
  ['a file', ['missing.yaml'], 'missing.yaml: there is no such file'],
  ['a directory', [undefined, 'missing.d'], 'missing.d: there is no such directory'],
  ['a file that is empty', ['empty.yaml'], 'empty.yaml: is empty'],
])('misses %s', async (_, [file, directory], message) => {
  await write('empty.yaml', '\n');
  const inside = (name: string | undefined) => (name === undefined ? undefined : join(dir, name));
  await expect(readKubeletSources(inside(file), inside(directory))).rejects.toThrow(message);
});

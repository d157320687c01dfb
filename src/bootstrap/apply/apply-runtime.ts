import {basename, dirname} from 'node:path';
import type {Archive} from '../../config/runtime/runtime-source.ts';
import {proofCgroup, proveCgroups} from '../../edges/cgroups/cgroup-proof.ts';
import {makeDirectory, removeFile, writeAtomic} from '../../edges/files/files.ts';
import {removeTree} from '../../edges/files/host-files.ts';
import {fetchVerified, unpack} from '../../edges/install/archives.ts';
import {importImage, importImageFile} from '../../edges/runtime/containerd.ts';
import type {Facts} from '../phase.ts';
import {seeParts} from '../runtime/parts.ts';
import type {Act} from './acts.ts';
import {applyFile} from './apply-files.ts';

type RuntimeAct = Extract<Act, {kind: 'import' | 'import-archive' | 'fetch' | 'unpack' | 'prove'}>;

/** What brings a runtime and its images, and proves it. */
export async function applyToRuntime(act: RuntimeAct, facts: Facts): Promise<void> {
  const {layout} = facts.options;
  switch (act.kind) {
    case 'import':
      return importImage(await runtimeTools(facts), act.asset);
    case 'import-archive':
      return importArchive(act, facts);
    case 'fetch':
      return fetchVerified(act.place, act.archive, act.path);
    case 'unpack':
      return unpackPrograms(act, facts);
    case 'prove':
      // Noted first: a kill in the middle leaves a cgroup.
      await facts.journal.note({kind: 'cgroup', target: proofCgroup[act.driver]});
      await proveCgroups(layout.containerdSocket, act.driver);
      return writeRecord(act.record, `${act.revision}\n`);
  }
}

async function runtimeTools(facts: Facts): Promise<{ctr: string; socket: string}> {
  const {ctr} = await seeParts(facts);
  return {ctr, socket: facts.options.layout.containerdSocket};
}

async function importArchive(
  {place, archive, record}: Extract<Act, {kind: 'import-archive'}>,
  facts: Facts,
): Promise<void> {
  const path = `${facts.options.layout.stateDir}/runtime/images.archive`;
  await fetchVerified(place, archive, path);
  await importImageFile(await runtimeTools(facts), path);
  await removeFile(path);
  await writeRecord(record, '');
}

/** Records lie in our state directory, which goes away as a whole. */
async function writeRecord(path: string, content: string): Promise<void> {
  await makeDirectory(dirname(path), 0o700);
  await writeAtomic(path, content);
}

/** Each program to its place by one rename, noted first like every other file. */
async function unpackPrograms(
  {archive, path, into}: Extract<Act, {kind: 'unpack'}>,
  {journal, options}: Facts,
): Promise<void> {
  const staging = `${options.layout.stateDir}/runtime/unpacked`;
  for (const {name, from} of await programsOf(archive, path, staging))
    await applyFile({kind: 'copy', from, path: `${into}/${name}`}, journal);
  await removeTree(staging, [], false);
  await removeFile(path);
}

/** runc is a program as it is; the others are archives, whose notices are no programs. */
async function programsOf(
  {part}: Archive,
  path: string,
  staging: string,
): Promise<readonly {name: string; from: string}[]> {
  if (part === 'runc') return [{name: 'runc', from: path}];
  const files = await unpack(path, staging);
  return files
    .filter(({name}) => !/^(LICENSE|README)/.test(name))
    .map(({name, path: from}) => ({name: basename(name), from}));
}

import {dirname} from 'node:path';
import {linkAtomic, listDirectory, removeFile, writeAtomic} from '../../edges/files/files.ts';
import {
  copyProgram,
  makeOneDirectory,
  missingDirectories,
  type PathState,
  pathState,
  sha256,
} from '../../edges/files/host-files.ts';
import {NodectlError} from '../../lib/errors.ts';
import type {Journal} from '../undo/journal.ts';
import type {Act} from './acts.ts';
import type {Before} from './entries.ts';

type FileAct = Extract<Act, {kind: 'directory' | 'tree' | 'file' | 'remove' | 'link' | 'copy'}>;

/** Changes of files and directories, each noted first. */
export async function applyFile(act: FileAct, journal: Journal): Promise<void> {
  switch (act.kind) {
    case 'directory':
      return makeDirectories(journal, act.path, act.mode);
    case 'tree':
      return makeTree(journal, act.path, act.mode);
    case 'file':
      await noteFile(journal, act.path, sha256(act.content));
      return writeAtomic(act.path, act.content, act.mode);
    case 'remove':
      await noteFile(journal, act.path, undefined);
      return removeFile(act.path);
    case 'link':
      await noteFile(journal, act.path, linkDigest(act.to));
      return linkAtomic(act.path, act.to);
    case 'copy':
      // Its content is that of our own binary, whatever its version: known by being at our place.
      await noteFile(journal, act.path, '*');
      return copyProgram(act.from, act.path);
  }
}

/** In an entry: nodectl has not written the file, and only brings it back when it is gone. */
export const kept = 'kept';

/** Notes a file that something else than us may take away: a package that is purged takes its configuration along. */
export async function keepFile(path: string, journal: Journal): Promise<void> {
  if ((await pathState(path)).kind === 'file') await noteFile(journal, path, kept);
}

/** Links and files share the list of what nodectl wrote. */
export function linkDigest(to: string): string {
  return `link ${to}`;
}

async function makeDirectories(journal: Journal, path: string, mode: number): Promise<void> {
  for (const directory of await missingDirectories(path)) {
    if (!journal.covers(directory)) await journal.note({kind: 'directory', target: directory});
    await makeOneDirectory(directory, directory === path ? mode : 0o755);
  }
}

async function makeTree(journal: Journal, path: string, mode: number): Promise<void> {
  // Seen before anything is noted: the journal itself may lie below.
  const [state, before] = [await pathState(path), await listDirectory(path)];
  await makeDirectories(journal, dirname(path), 0o755);
  if (!journal.covers(path))
    await journal.note({kind: 'tree', target: path, ...existing(state, mode), before});
  await makeOneDirectory(path, mode);
}

/** A directory that was there keeps being there afterwards, with the mode that it had. */
function existing(state: PathState, mode: number): {existed: boolean; mode?: number} {
  if (state.kind !== 'directory') return {existed: false};
  return {existed: true, ...(state.mode === mode ? {} : {mode: state.mode})};
}

export async function noteFile(journal: Journal, path: string, after: string | undefined): Promise<void> {
  await makeDirectories(journal, dirname(path), 0o755);
  if (journal.covers(path)) return;
  const known = journal.find({kind: 'file', target: path});
  const before = known?.kind === 'file' ? known.before : await beforeOf(journal, await pathState(path), path);
  await journal.note({kind: 'file', target: path, before, after: after === undefined ? [] : [after]});
}

function nameOf(kind: 'directory' | 'other'): string {
  return kind === 'directory' ? kind : 'device, a pipe or a socket';
}

async function beforeOf(journal: Journal, state: PathState, path: string): Promise<Before> {
  switch (state.kind) {
    case 'absent':
      return {kind: 'absent'};
    case 'link':
      return {kind: 'link', to: state.to};
    case 'file': {
      const {mode, uid, gid, content} = state;
      const saved = await journal.savePreImage(content);
      return {kind: 'file', saved, sha256: sha256(content), mode, uid, gid};
    }
    case 'directory':
    case 'other':
      throw new NodectlError('ND111', `${path} is no file, which it must be: it is a ${nameOf(state.kind)}`, {
        next: [`sudo ls -ld ${path}`, `sudo mv ${path} ${path}.old, then run the same command again.`],
      });
  }
}

import {exists} from '../../edges/files/files.ts';
import {pathState, sha256} from '../../edges/files/host-files.ts';
import type {Act} from '../apply/acts.ts';
import type {Journal} from '../undo/journal.ts';

/** A file as it should be. */
export type WantedFile = Omit<Extract<Act, {kind: 'file'}>, 'kind'>;

/** Those that are not as they should be, by content and mode. */
export async function unmetFiles(files: readonly WantedFile[]): Promise<WantedFile[]> {
  const states = await Promise.all(files.map(({path}) => pathState(path)));
  return files.filter((file, at) => {
    const state = states[at];
    return state?.kind !== 'file' || state.sha256 !== sha256(file.content) || state.mode !== file.mode;
  });
}

export function writes(files: readonly WantedFile[]): Act[] {
  return files.map((file) => ({kind: 'file', ...file}));
}

/** Which of these paths are there. */
export async function present(paths: readonly string[]): Promise<ReadonlySet<string>> {
  const found = await Promise.all(paths.map(exists));
  return new Set(paths.filter((_, at) => found[at]));
}

export type WantedTree = {readonly path: string; readonly mode: number};

/** Data directories that are not there (gone with a reboot, perhaps) or not yet known to be ours. */
export async function missingTrees(journal: Journal, wanted: readonly WantedTree[]): Promise<WantedTree[]> {
  const there = await present(wanted.map(({path}) => path));
  const known = (path: string): boolean =>
    journal.covers(path) || journal.find({kind: 'tree', target: path}) !== undefined;
  return wanted.filter(({path}) => !there.has(path) || !known(path));
}

import type {FileHandle} from 'node:fs/promises';
import {readdir, realpath, stat} from 'node:fs/promises';
import {join, relative} from 'node:path';
import {openBeneath} from '../files/pods/beneath.ts';

export type NodeLog =
  | {readonly kind: 'directory'; readonly entries: readonly string[]}
  | {readonly kind: 'file'; readonly file: FileHandle; readonly bytes: number};

/**
 * A file of the machine's logs, or what is in a directory of them (with `/` after directories). Links are followed
 * only where they stay below `root`, as /var/log/containers' do: a pod that may write there could else make the kubelet
 * read any file of the machine (KHV047). Undefined for what is not there, or is neither.
 */
export async function openNodeLog(root: string, segments: readonly string[]): Promise<NodeLog | undefined> {
  if (segments.some((segment) => segment === '.' || segment === '..' || /[/\0]/.test(segment)))
    return undefined;
  const top = await realpath(root);
  const path = await realpath(join(top, ...segments));
  const below = relative(top, path);
  if (below === '..' || below.startsWith('../')) return undefined;
  const seen = await stat(path);
  if (seen.isDirectory()) return {kind: 'directory', entries: await list(path)};
  if (!seen.isFile()) return undefined;
  const file = await openBeneath(top, below);
  return {kind: 'file', file, bytes: (await file.stat()).size};
}

async function list(path: string): Promise<string[]> {
  const entries = await readdir(path, {withFileTypes: true});
  return entries.map((entry) => `${entry.name}${entry.isDirectory() ? '/' : ''}`).sort();
}

import {readFile} from 'node:fs/promises';
import {realBase, renamed, unescapeOctal} from './mounts.ts';

/** Where below a directory the same part of the same file system is mounted as at a path. */
export async function mountReferences(path: string, below: string): Promise<string[]> {
  const text = await readFile('/proc/self/mountinfo', 'utf8');
  const base = await realBase(below, text);
  return referencesOf(text, await realBase(path, text))
    .filter((point) => point.startsWith(`${base}/`))
    .map((point) => renamed(point, base, below));
}

/** proc(5): the third field of a line is the device, the fourth the part of its file system that is mounted. */
export function referencesOf(mountinfo: string, path: string): string[] {
  const mounts = mountinfo.split('\n').map((line) => {
    const [, , device = '', root = '', point = ''] = line.split(' ');
    return {what: `${device} ${root}`, point: unescapeOctal(point)};
  });
  const here = mounts.findLast(({point}) => point === path);
  if (here === undefined) return [];
  return mounts.filter(({what, point}) => what === here.what && point !== path).map(({point}) => point);
}

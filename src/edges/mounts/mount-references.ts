import {readFile} from 'node:fs/promises';

/** Where else the same part of the same file system is mounted as at a path. */
export async function mountReferences(path: string): Promise<string[]> {
  return referencesOf(await readFile('/proc/self/mountinfo', 'utf8'), path);
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

function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}

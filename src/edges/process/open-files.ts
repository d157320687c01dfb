import {listDirectory, readText} from '../files/files.ts';

export type OpenFiles = {readonly used: number; readonly max: number};

/** Of one process against its own limit; without one, of the whole machine against fs.file-max. */
export async function openFiles(pid?: number): Promise<OpenFiles> {
  if (pid === undefined) {
    const [used, , max] = ((await readText('/proc/sys/fs/file-nr')) ?? '').trim().split(/\s+/);
    return {used: Number(used ?? 0), max: Number(max ?? 0)};
  }
  const [names, limits] = await Promise.all([
    listDirectory(`/proc/${pid}/fd`),
    readText(`/proc/${pid}/limits`),
  ]);
  // `unlimited` is none: 0.
  return {used: names.length, max: Number(/^Max open files +(\d+)/m.exec(limits ?? '')?.[1] ?? 0)};
}

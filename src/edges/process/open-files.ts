import {readdirSync, readFileSync, readlinkSync} from 'node:fs';
import {setImmediate as othersTurn} from 'node:timers/promises';
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

/** What the processes of a container have open, and how many files the first of them may open: -1 is any number. */
export type Handles = {
  readonly files: number;
  readonly sockets: number;
  readonly softLimit: number | undefined;
};

/** Links that are read before others have their turn: the kernel tells each in some microseconds. */
const portion = 500;

/** Of what is gone meanwhile nothing is counted. */
export async function handlesOf(pids: readonly number[]): Promise<Handles> {
  let files = 0;
  let sockets = 0;
  for (const pid of pids) {
    const directory = `/proc/${pid}/fd`;
    for (const name of atOnce(() => readdirSync(directory)) ?? []) {
      files += 1;
      if (atOnce(() => readlinkSync(`${directory}/${name}`))?.startsWith('socket:')) sockets += 1;
      if (files % portion === 0) await othersTurn();
    }
  }
  return {files, sockets, softLimit: softLimitOf(pids[0])};
}

function softLimitOf(pid: number | undefined): number | undefined {
  if (pid === undefined) return undefined;
  const limits = atOnce(() => readFileSync(`/proc/${pid}/limits`, 'latin1'));
  const soft = /^Max open files +(\d+|unlimited)/m.exec(limits ?? '')?.[1];
  if (soft === undefined) return undefined;
  return soft === 'unlimited' ? -1 : Number(soft);
}

/** A process may end at any moment, and its files with it. */
function atOnce<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

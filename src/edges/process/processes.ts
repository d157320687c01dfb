import {closeSync, openSync, readSync} from 'node:fs';
import {readFile} from 'node:fs/promises';
import {errno, listDirectory, readText} from '../files/files.ts';

/** A process that cannot be mistaken for a later one with the same number: pids are used again. */
export type ProcessId = {
  readonly pid: number;
  /** Clock ticks after boot (/proc/PID/stat, field 22). */
  readonly startTime: string;
  readonly bootId: string;
};

export type ProcessStat = {readonly state: string; readonly session: number; readonly startTime: string};

/** The command name may contain spaces and brackets, so fields are counted after the last `)` (proc(5)). */
export function parseStat(text: string): ProcessStat | undefined {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, , , session] = fields;
  const startTime = fields[19];
  if (state === undefined || session === undefined || startTime === undefined) return undefined;
  return {state, session: Number(session), startTime};
}

export async function bootId(): Promise<string> {
  return ((await readText('/proc/sys/kernel/random/boot_id')) ?? '').trim();
}

export async function statOf(pid: number): Promise<ProcessStat | undefined> {
  try {
    return parseStat(readAtOnce(`/proc/${pid}/stat`));
  } catch (error) {
    if (['ENOENT', 'ESRCH'].includes(errno(error) ?? '')) return undefined;
    throw error;
  }
}

/** The identity of a running process; undefined when there is none. */
export async function identify(pid: number): Promise<ProcessId | undefined> {
  const stat = await statOf(pid);
  return stat === undefined ? undefined : {pid, startTime: stat.startTime, bootId: await bootId()};
}

/** Whether this very process still runs; a zombie does not. */
export async function isAlive(id: ProcessId): Promise<boolean> {
  const stat = await statOf(id.pid);
  return (
    stat !== undefined &&
    stat.state !== 'Z' &&
    stat.state !== 'X' &&
    stat.startTime === id.startTime &&
    id.bootId === (await bootId())
  );
}

/** Sends a signal to that very process; false when it is gone. */
export async function signalProcess(id: ProcessId, signal: NodeJS.Signals): Promise<boolean> {
  return (await isAlive(id)) && sendSignal(id.pid, signal);
}

/**
 * Ends what a daemon that was its session's leader left behind. The number of a leader that is gone may belong to a
 * stranger by now, so only processes that carry `value` in their environment are touched.
 */
export async function endSession(leader: number, name: string, value: string): Promise<void> {
  for (const pid of await allPids()) {
    if ((await statOf(pid))?.session !== leader) continue;
    if ((await environmentOf(pid, name)) === value) sendSignal(pid, 'SIGKILL');
  }
}

function sendSignal(target: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(target, signal);
    return true;
  } catch (error) {
    if (errno(error) === 'ESRCH') return false;
    throw error;
  }
}

/** The name of a process, of at most 15 characters, as the kernel has it; undefined for what is gone. */
export function nameOf(pid: number): string | undefined {
  try {
    return readAtOnce(`/proc/${pid}/comm`).trimEnd();
  } catch {
    return undefined;
  }
}

const small = Buffer.alloc(4096);

/**
 * What the kernel says of a process from memory of its own. Unlike the process's words it is no part of its memory,
 * which may hang: so it is read without a thread, at a tenth of the time.
 */
function readAtOnce(path: string): string {
  const file = openSync(path, 'r');
  try {
    return small.toString('latin1', 0, readSync(file, small, 0, small.length, 0));
  } finally {
    closeSync(file);
  }
}

/** The words a process was started with; empty for kernel threads and what is gone. */
export async function commandOf(pid: number): Promise<string[]> {
  const text = await readProc(pid, 'cmdline');
  return text === '' ? [] : text.replace(/\0+$/, '').split('\0');
}

export async function environmentOf(pid: number, name: string): Promise<string | undefined> {
  const entries = (await readProc(pid, 'environ')).split('\0');
  return entries.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);
}

async function readProc(pid: number, file: string): Promise<string> {
  try {
    return await readFile(`/proc/${pid}/${file}`, 'utf8');
  } catch (error) {
    if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(errno(error) ?? '')) return '';
    throw error;
  }
}

/** Every process number, ascending. */
export async function allPids(): Promise<number[]> {
  return (await listDirectory('/proc'))
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
}

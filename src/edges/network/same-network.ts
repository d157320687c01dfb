import {readlink} from 'node:fs/promises';
import {basename} from 'node:path';
import {allPids, commandOf, nameOf} from '../process/processes.ts';

export type NamedProcess = {readonly pid: number; readonly program: string; readonly command: string};

/** Processes of these programs in this network namespace: a node inside a container is another machine. */
export async function sameNetwork(programs: readonly string[]): Promise<NamedProcess[]> {
  const own = await networkOf('self');
  const found: NamedProcess[] = [];
  for (const pid of await allPids()) {
    const words = await commandOf(pid);
    const program = basename(words[0] ?? '');
    if (!programs.includes(program) || (await networkOf(String(pid))) !== own) continue;
    found.push({pid, program, command: words.join(' ').slice(0, 120)});
  }
  return found;
}

/** As `sameNetwork`, by the names that the kernel has: most processes need not be asked for their words then. */
export async function namedInNetwork(names: readonly string[]): Promise<NamedProcess[]> {
  const own = await networkOf('self');
  const found: NamedProcess[] = [];
  for (const pid of await allPids()) {
    const program = nameOf(pid);
    if (program === undefined || !names.includes(program)) continue;
    if ((await networkOf(String(pid))) !== own) continue;
    found.push({pid, program, command: (await commandOf(pid)).join(' ')});
  }
  return found;
}

async function networkOf(process: string): Promise<string | undefined> {
  // It may be gone meanwhile.
  return readlink(`/proc/${process}/ns/net`).catch(() => undefined);
}

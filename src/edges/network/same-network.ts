import {readlink, stat} from 'node:fs/promises';
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

/** Kubelets that share something with this process, each by the pid of one; none of a node that has been stopped. */
export type Neighbours = {readonly network: number | undefined; readonly files: number | undefined};

export async function otherKubelets(): Promise<Neighbours> {
  const [network, root] = await Promise.all([networkOf('self'), rootOf('self')]);
  const kubelets = (await allPids()).filter((pid) => nameOf(pid) === 'kubelet');
  const seen = await Promise.all(
    kubelets.map(async (pid) => ({
      pid,
      // A zombie has neither.
      network: (await networkOf(String(pid))) === network,
      files: (await rootOf(String(pid))) === root,
    })),
  );
  return {network: seen.find((one) => one.network)?.pid, files: seen.find((one) => one.files)?.pid};
}

async function rootOf(process: string): Promise<string | undefined> {
  const found = await stat(`/proc/${process}/root/.`).catch(() => undefined);
  return found === undefined ? undefined : `${found.dev} ${found.ino}`;
}

async function networkOf(process: string): Promise<string | undefined> {
  // It may be gone meanwhile.
  return readlink(`/proc/${process}/ns/net`).catch(() => undefined);
}

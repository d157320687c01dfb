import {readlink} from 'node:fs/promises';
import {errno, listDirectory, readText} from '../files/files.ts';
import {allPids, commandOf} from '../process/processes.ts';

/** A listening TCP socket of this network namespace and who holds it. */
export type PortOwner = {
  readonly port: number;
  readonly address: string;
  /** Absent when the holder cannot be seen (another pid namespace). */
  readonly pid?: number;
  readonly command?: string;
};

type Listener = {readonly port: number; readonly address: string; readonly inode: string};

/** Listening sockets (state 0A) of /proc/net/tcp or tcp6. */
export function parseListeners(table: string): Listener[] {
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .flatMap((fields) => {
      const [address, port] = (fields[1] ?? '').split(':');
      const inode = fields[9];
      if (fields[3] !== '0A' || address === undefined || port === undefined || inode === undefined) return [];
      return [{port: Number.parseInt(port, 16), address: hexAddress(address), inode}];
    });
}

/** The kernel prints 32-bit words in host order; both supported machines are little-endian. */
function hexAddress(hex: string): string {
  const bytes = (hex.match(/.{8}/g) ?? []).flatMap((word) => (word.match(/../g) ?? []).reverse());
  const numbers = bytes.map((byte) => Number.parseInt(byte, 16));
  if (numbers.length === 4) return numbers.join('.');
  if (numbers.every((n) => n === 0)) return '::';
  if (numbers.slice(0, 15).every((n) => n === 0) && numbers[15] === 1) return '::1';
  return (bytes.join('').toLowerCase().match(/.{4}/g) ?? []).join(':');
}

/** Who listens on any of these ports, in this process's network namespace. */
export async function portOwners(ports: readonly number[]): Promise<PortOwner[]> {
  const tables = await Promise.all([readText('/proc/self/net/tcp'), readText('/proc/self/net/tcp6')]);
  const listeners = tables
    .flatMap((table) => parseListeners(table ?? ''))
    .filter(({port}) => ports.includes(port));
  if (listeners.length === 0) return [];
  const holders = await holdersOf(new Set(listeners.map(({inode}) => inode)));
  return listeners.map(({port, address, inode}) => ({port, address, ...holders.get(inode)}));
}

async function holdersOf(inodes: ReadonlySet<string>): Promise<Map<string, {pid: number; command: string}>> {
  const found = new Map<string, {pid: number; command: string}>();
  for (const pid of await allPids()) {
    if (found.size === inodes.size) break;
    for (const inode of await socketsOf(pid))
      if (inodes.has(inode) && !found.has(inode))
        found.set(inode, {pid, command: (await commandOf(pid)).join(' ').slice(0, 120)});
  }
  return found;
}

async function socketsOf(pid: number): Promise<string[]> {
  const directory = `/proc/${pid}/fd`;
  const links = await Promise.all(
    (await listDirectory(directory).catch(() => [])).map((fd) =>
      readlink(`${directory}/${fd}`).catch((error: unknown) => {
        // Gone meanwhile, or of a process that even root may not look into.
        if (['ENOENT', 'ESRCH', 'EACCES', 'EPERM'].includes(errno(error) ?? '')) return '';
        throw error;
      }),
    ),
  );
  return links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.[1] ?? []);
}

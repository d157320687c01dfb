import {networkInterfaces} from 'node:os';
import {exists, readText} from '../files/files.ts';

/** What a network link is, as far as sysfs tells; undefined when there is none. */
export async function linkKind(name: string): Promise<'bridge' | 'other' | undefined> {
  const directory = `/sys/class/net/${name}`;
  if (await exists(`${directory}/bridge`)) return 'bridge';
  return (await exists(directory)) ? 'other' : undefined;
}

const isUp = 0x1;

/** How a bridge is; undefined when there is none. */
export async function bridgeState(name: string): Promise<'well' | 'down' | 'no address' | undefined> {
  if ((await linkKind(name)) !== 'bridge') return undefined;
  const flags = Number((await readText(`/sys/class/net/${name}/flags`)) ?? 0);
  if ((flags & isUp) === 0) return 'down';
  const addresses = networkInterfaces()[name] ?? [];
  return addresses.some(({address}) => !address.startsWith('fe80:')) ? 'well' : 'no address';
}

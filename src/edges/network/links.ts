import {networkInterfaces} from 'node:os';
import {exists, listDirectory, readText} from '../files/files.ts';

/** What a network link is, as far as sysfs tells; undefined when there is none. */
export async function linkKind(name: string): Promise<'bridge' | 'other' | undefined> {
  const directory = `/sys/class/net/${name}`;
  if (await exists(`${directory}/bridge`)) return 'bridge';
  return (await exists(directory)) ? 'other' : undefined;
}

const isUp = 0x1;

export type BridgeSight = {
  readonly up: boolean;
  /** Without link-local ones, which the kernel gives by itself. */
  readonly addresses: readonly string[];
  /** How many links are plugged into it. */
  readonly ports: number;
};

/** How a bridge is; undefined when there is none. */
export async function seeBridge(name: string): Promise<BridgeSight | undefined> {
  if ((await linkKind(name)) !== 'bridge') return undefined;
  const [flags, ports] = await Promise.all([
    readText(`/sys/class/net/${name}/flags`),
    listDirectory(`/sys/class/net/${name}/brif`),
  ]);
  const addresses = (networkInterfaces()[name] ?? []).map(({address}) => address);
  return {
    up: (Number(flags ?? 0) & isUp) !== 0,
    addresses: addresses.filter((address) => !address.startsWith('fe80:')),
    ports: ports.length,
  };
}

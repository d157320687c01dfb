import {exists} from './files.ts';

/** What a network link is, as far as sysfs tells; undefined when there is none. */
export async function linkKind(name: string): Promise<'bridge' | 'other' | undefined> {
  const directory = `/sys/class/net/${name}`;
  if (await exists(`${directory}/bridge`)) return 'bridge';
  return (await exists(directory)) ? 'other' : undefined;
}

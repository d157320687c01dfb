import {readFileSync} from 'node:fs';
import type {MountEntry} from './mounts.ts';

const names = new Map<string, string>();

/** `/dev/sda` for `8:0`, as sysfs knows it; '' where it does not. */
export function blockDeviceName(device: string): string {
  const known = names.get(device);
  if (known !== undefined) return known;
  const name = parseUevent(readUevent(device));
  names.set(device, name);
  return name;
}

export function parseUevent(text: string): string {
  const name = /^DEVNAME=(.+)$/m.exec(text)?.[1];
  return name === undefined ? '' : `/dev/${name}`;
}

function readUevent(device: string): string {
  try {
    return readFileSync(`/sys/dev/block/${device}/uevent`, 'utf8');
  } catch {
    // A device without a number of its own (0:42: overlay, tmpfs) has no entry.
    return '';
  }
}

/** What the file system that `path` lies on was mounted from; the last mount upon a directory counts. */
export function mountedFrom(entries: readonly MountEntry[], path: string): string {
  const holds = ({mountPoint}: MountEntry): boolean =>
    mountPoint === '/' || path === mountPoint || path.startsWith(`${mountPoint}/`);
  let best: MountEntry | undefined;
  for (const entry of entries)
    if (holds(entry) && entry.mountPoint.length >= (best?.mountPoint.length ?? 0)) best = entry;
  return best?.source ?? '';
}

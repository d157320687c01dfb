import {withDeadline} from '../deadline.ts';
import {run} from '../process/run.ts';
import {type MountEntry, readMounts} from './mounts.ts';

/** A mount whose file system does not answer. */
export type SilentMount = {
  readonly mountPoint: string;
  readonly fsType: string;
  readonly source: string;
  /** One of the asked directories lies on it; else it is below one of them, as a pod's volume is. */
  readonly holds: boolean;
};

/** Another machine or a program serves these: when that hangs, so does whoever asks them. */
const served = /^(nfs4?|cifs|smb3|ceph|glusterfs|lustre|afs|9p|virtiofs|fuse(\..+)?|fuseblk)$/;

/** Volumes of one server hang together: more need not be asked. */
const mostAsked = 20;

/**
 * Mounts at, above and below these directories that give no answer in time. Each is asked by a program of its own: a
 * thread of this process that hangs in the kernel would keep it from ever ending.
 */
export async function silentMounts(
  directories: readonly string[],
  waitMs: number,
  signal: AbortSignal,
): Promise<readonly SilentMount[]> {
  const asked = servedMounts(await readMounts(), directories).slice(0, mostAsked);
  const silent = await Promise.all(asked.map(({mountPoint}) => isSilent(mountPoint, waitMs, signal)));
  return asked.filter((_, at) => silent[at]);
}

export function servedMounts(mounts: readonly MountEntry[], directories: readonly string[]): SilentMount[] {
  const seen = new Set<string>();
  return mounts.flatMap(({mountPoint, fsType, source}): SilentMount[] => {
    const holds = directories.some((directory) => isWithin(directory, mountPoint));
    const below = directories.some((directory) => isWithin(mountPoint, directory));
    // A share that many pods mount is one; programs may all give the same name.
    const same = fsType.startsWith('fuse') ? mountPoint : `${fsType} ${source}`;
    if (!served.test(fsType) || !(holds || below) || (!holds && seen.has(same))) return [];
    seen.add(same);
    return [{mountPoint, fsType, source, holds}];
  });
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}

/** Any answer will do, an error too. */
async function isSilent(mountPoint: string, waitMs: number, signal: AbortSignal): Promise<boolean> {
  const answered = async (inTime: AbortSignal) => {
    await run('stat', ['--file-system', '--format=%T', mountPoint], {signal: inTime, okCodes: [0, 1]});
    return true;
  };
  return !(await withDeadline(waitMs, signal, answered).catch(() => signal.aborted));
}

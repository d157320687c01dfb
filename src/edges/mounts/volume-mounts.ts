import {access, constants} from 'node:fs/promises';
import {NodectlError} from '../../lib/errors.ts';
import {withDeadline} from '../deadline.ts';
import {run} from '../process/run.ts';
import {bindMount, isMounted, unmount} from './mounts.ts';

/**
 * Binds a directory and gives the bind options of its own. The kernel takes them in a second step; it is done again
 * each time, so that a bind that was left half-made is not taken for a finished one.
 */
export async function bindWithOptions(
  source: string,
  target: string,
  options: readonly string[],
): Promise<void> {
  if (!(await isMounted(target))) await bindMount(source, target);
  if (options.length > 0) await run('mount', ['-c', '-o', ['remount', 'bind', ...options].join(','), target]);
}

const helpers = ['/sbin/mount.nfs', '/usr/sbin/mount.nfs'];

/** @throws NodectlError ND727 where this machine cannot mount NFS; ND903 with mount(8)'s own words */
export async function mountNfs(source: string, target: string, options: readonly string[]): Promise<void> {
  if (await isMounted(target)) return;
  if (!(await hasHelper()))
    throw new NodectlError('ND727', 'this machine cannot mount NFS: there is no /sbin/mount.nfs', {
      next: ['apt-get install nfs-common'],
    });
  const flags = options.length === 0 ? [] : ['-o', options.join(',')];
  await run('mount', ['-t', 'nfs', ...flags, source, target]);
}

async function hasHelper(): Promise<boolean> {
  const found = await Promise.allSettled(helpers.map((path) => access(path, constants.X_OK)));
  return found.some(({status}) => status === 'fulfilled');
}

/** A server that does not answer must not hold a pod's end: after `ms` the unmount is forced (umount2, MNT_FORCE). */
export async function unmountOrForce(target: string, ms: number): Promise<void> {
  const never = new AbortController().signal;
  try {
    await withDeadline(ms, never, () => unmount(target));
  } catch {
    await run('umount', ['-c', '-f', target], {timeoutMs: ms}).catch(() => undefined);
    if (await isMounted(target)) await run('umount', ['-c', '-f', '-l', target], {timeoutMs: ms});
  }
}

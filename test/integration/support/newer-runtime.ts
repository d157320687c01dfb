import {copyFileSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync} from 'node:fs';
import {join, resolve} from 'node:path';
import {run} from '../../../src/edges/process/exec.ts';
import {debianPackage} from './debian.ts';

const cache = resolve(import.meta.dirname, '../../../.cache/packages');

/**
 * A directory with containerd 2.1 and runc 1.3 of Debian forky, the first ones with user namespaces. That runc wants a
 * newer libc than these machines have: it is given forky's own, which stays what it is when runc runs itself anew.
 */
export async function newerRuntime(): Promise<string> {
  const target = join(cache, 'forky-runtime');
  const containerd = join(debianPackage('forky', 'containerd'), 'usr/bin');
  const runc = join(debianPackage('forky', 'runc'), 'usr/sbin/runc');
  const libraries = join(debianPackage('forky', 'libc6'), 'usr/lib/x86_64-linux-gnu');
  const patchelf = join(debianPackage('bookworm', 'patchelf'), 'usr/bin/patchelf');
  const work = mkdtempSync(`${target}-`);
  try {
    for (const name of readdirSync(containerd)) symlinkSync(join(containerd, name), join(work, name));
    copyFileSync(runc, join(work, 'runc'));
    const loader = join(libraries, 'ld-linux-x86-64.so.2');
    const words = ['--set-interpreter', loader, '--force-rpath', '--set-rpath', libraries];
    await run(patchelf, [...words, join(work, 'runc')]);
    mkdirSync(target, {recursive: true});
    for (const name of readdirSync(work)) renameSync(join(work, name), join(target, name));
  } finally {
    rmSync(work, {recursive: true, force: true});
  }
  return target;
}

import {constants} from 'node:fs';
import {access, writeFile} from 'node:fs/promises';
import {exists, listDirectory, readText} from '../files/files.ts';
import {run} from '../process/run.ts';

/** Dots separate, but a name may hold slashes for dots in interface names; nodectl uses none. */
export function sysctlPath(key: string): string {
  return `/proc/sys/${key.replaceAll('.', '/')}`;
}

/** The value, or undefined when this kernel (or network namespace) has no such key. */
export async function readSysctl(key: string): Promise<string | undefined> {
  return (await readText(sysctlPath(key)))?.trim().replace(/\s+/g, ' ');
}

export async function writeSysctl(key: string, value: string): Promise<void> {
  await writeFile(sysctlPath(key), `${value}\n`);
}

/** What the kernel changes with forwarding for all; links with a dot in their names, which keys cannot say, are left out. */
export async function forwardingKeys(key: string): Promise<string[]> {
  const family = {'net.ipv4.ip_forward': 'ipv4', 'net.ipv6.conf.all.forwarding': 'ipv6'}[key];
  if (family === undefined) return [];
  const links = (await listDirectory(`/proc/sys/net/${family}/conf`)).filter((name) => !name.includes('.'));
  const own = links.filter((name) => name !== 'all').map((name) => `net.${family}.conf.${name}.forwarding`);
  return family === 'ipv4' ? ['net.ipv4.conf.all.accept_redirects', ...own] : own;
}

export type ModuleState = 'loaded' | 'loadable' | 'missing';

/** Built-in code counts as loaded: it shows below /sys/module or in modules.builtin. */
export async function moduleState(name: string): Promise<ModuleState> {
  if (await exists(`/sys/module/${name}`)) return 'loaded';
  try {
    const {exitCode, stdout} = await run('modprobe', ['--dry-run', '--verbose', name], {
      okCodes: [0, 1],
      timeoutMs: 10_000,
    });
    if (exitCode !== 0) return 'missing';
    return stdout.trim() === '' || stdout.startsWith('builtin') ? 'loaded' : 'loadable';
  } catch {
    // No modprobe, no modules: a container, or a kernel with everything built in.
    return 'missing';
  }
}

export async function loadModule(name: string): Promise<void> {
  await run('modprobe', [name], {timeoutMs: 30_000});
}

/** False when something uses it: then it stays. */
export async function unloadModule(name: string): Promise<boolean> {
  const {exitCode} = await run('modprobe', ['--remove', name], {okCodes: [0, 1], timeoutMs: 30_000});
  return exitCode === 0;
}

/** False below a read-only /proc/sys, as in most containers. */
export async function isWritable(key: string): Promise<boolean> {
  try {
    await access(sysctlPath(key), constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

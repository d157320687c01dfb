import {constants} from 'node:fs';
import {access} from 'node:fs/promises';
import {join} from 'node:path';
import {isNodectlError, NodectlError} from '../../lib/errors.ts';
import {sleep} from '../clock.ts';
import {systemPath} from '../process/child-environment.ts';
import {run} from '../process/run.ts';
import {dnf} from './dnf.ts';
import type {PackageManager} from './package-manager.ts';

export type {PackageManager} from './package-manager.ts';

/** The absolute path of a program, where root's shell would find it. */
export async function findProgram(name: string): Promise<string | undefined> {
  for (const directory of systemPath) {
    const path = join(directory, name);
    if (await isExecutable(path)) return path;
  }
  return undefined;
}

export async function isExecutable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

export async function packageManager(): Promise<PackageManager | undefined> {
  if ((await findProgram('apt-get')) !== undefined) return apt;
  if ((await findProgram('dnf')) !== undefined) return dnf;
  return undefined;
}

const aptOptions = [
  '-y',
  '-q',
  '--no-install-recommends',
  // cloud-init and unattended-upgrades hold the lock on a machine's first minutes.
  '-o',
  'DPkg::Lock::Timeout=120',
  '-o',
  'Dpkg::Options::=--force-confold',
];
const aptEnvironment = {DEBIAN_FRONTEND: 'noninteractive'};
const minutes = 60_000;

const apt: PackageManager = {
  kind: 'apt',
  async simulate(names) {
    await settleDpkg();
    const args = [...aptOptions, '--simulate', 'install', ...names];
    const {stdout} = await run('apt-get', args, {env: aptEnvironment}).catch(async (error: unknown) => {
      if (!isNodectlError(error, 'ND903')) throw error;
      // A fresh machine has no package lists yet.
      await run('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=120', 'update'], {
        env: aptEnvironment,
        timeoutMs: 5 * minutes,
      });
      return run('apt-get', args, {env: aptEnvironment});
    });
    return parseSimulation(stdout);
  },
  async install(names) {
    await settleDpkg();
    await run('apt-get', [...aptOptions, 'install', ...names], {
      env: aptEnvironment,
      timeoutMs: 15 * minutes,
    });
  },
  async toFetch(names) {
    const args = [...aptOptions, '--print-uris', 'install', ...names];
    const {exitCode, stdout} = await run('apt-get', args, {env: aptEnvironment, okCodes: [0, 100]});
    return exitCode === 0 ? parseUris(stdout) : names;
  },
  async candidate(name) {
    const {stdout} = await run('apt-cache', ['policy', name], {env: aptEnvironment, okCodes: [0, 100]});
    const version = /^\s+Candidate: (\S+)/m.exec(stdout)?.[1];
    return version === '(none)' ? undefined : version;
  },
  async remove(names) {
    await settleDpkg();
    const present = await presentIn(names);
    // Not apt: it would take along what others have installed on top since; dpkg refuses that.
    if (present.length > 0)
      await run('dpkg', ['--purge', '--force-remove-reinstreq', '--', ...present], {
        env: aptEnvironment,
        timeoutMs: 10 * minutes,
      });
  },
  async shippedDigest(path) {
    const owner = await run('dpkg-query', ['-S', path], {okCodes: [0, 1]});
    const name = owner.stdout.split(':')[0];
    if (owner.exitCode !== 0 || name === undefined) return undefined;
    const {stdout} = await run('dpkg-query', ['-W', '-f', `\${Conffiles}\n`, name], {okCodes: [0, 1]});
    const line = stdout.split('\n').find((entry) => entry.trim().startsWith(`${path} `));
    return line?.trim().split(' ')[1];
  },
};

const lockPatienceMs = 120_000;

/**
 * Waits for another dpkg (an apt that outlived a killed join, perhaps) and finishes what one that was killed left
 * half done; otherwise apt refuses everything.
 */
async function settleDpkg(): Promise<void> {
  for (let waited = 0; ; waited += 500) {
    const {exitCode, stderr} = await run('dpkg', ['--force-confold', '--configure', '-a'], {
      env: aptEnvironment,
      okCodes: [0, 1, 2],
      timeoutMs: 10 * minutes,
    });
    if (exitCode !== 2 || !stderr.includes('lock')) return;
    if (waited >= lockPatienceMs) throw new NodectlError('ND503', stderr.trim());
    await sleep(500);
  }
}

/** Those of which dpkg has anything: half installed and configuration files count. */
async function presentIn(names: readonly string[]): Promise<string[]> {
  if (names.length === 0) return [];
  const format = `\${Package} \${db:Status-Status}\n`;
  const {stdout} = await run('dpkg-query', ['-W', '-f', format, ...names], {okCodes: [0, 1]});
  return stdout
    .split('\n')
    .filter((line) => line !== '' && !line.endsWith(' not-installed'))
    .map((line) => line.split(' ')[0] ?? '');
}

/** `Inst runc (1.1.5 …)`: newly installed; `Inst x [old] (new)` is an upgrade and not ours to take away. */
export function parseSimulation(output: string): string[] {
  return output.split('\n').flatMap((line) => /^Inst (\S+) \(/.exec(line)?.[1] ?? []);
}

/** `'http://…/pool/r/runc_1.1.5_amd64.deb' runc_1.1.5_amd64.deb 123 SHA256:…`: what is in apt's cache has no line. */
export function parseUris(output: string): string[] {
  return output.split('\n').flatMap((line) => /^'[^']+' ([^_\s]+)_\S+\.deb /.exec(line)?.[1] ?? []);
}

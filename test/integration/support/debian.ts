import {execFileSync} from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import {tmpdir} from 'node:os';
import {join, resolve} from 'node:path';

const cache = resolve(import.meta.dirname, '../../../.cache/packages');

/** The machine's own Debian mirror, from its apt sources. */
export function mirror(): string {
  const dir = '/etc/apt/sources.list.d';
  const files = [
    '/etc/apt/sources.list',
    ...(existsSync(dir)
      ? readdirSync(dir)
          .filter((f) => /\.(list|sources)$/.test(f))
          .map((f) => join(dir, f))
      : []),
  ];
  for (const file of files.filter((f) => existsSync(f)))
    for (const line of readFileSync(file, 'utf8').split('\n')) {
      const url = /^(?:deb\s+(?:\[[^\]]*\]\s+)?|URIs:\s*)(\S+\/debian)\/?(?:\s|$)/.exec(line)?.[1];
      if (url !== undefined) return url;
    }
  throw new Error('no Debian mirror in the apt sources of this machine');
}

/**
 * A package of any Debian suite, unpacked and not installed: the directory that holds its files. apt works in a
 * state directory of its own, so the machine's configuration stays as it is; downloads are kept in .cache.
 */
export function debianPackage(suite: string, name: string): string {
  const target = join(cache, `${suite}-${name}`);
  if (existsSync(target)) return target;
  mkdirSync(cache, {recursive: true});
  const work = mkdtempSync(join(tmpdir(), 'nodectl-apt-'));
  try {
    for (const dir of ['state/lists/partial', 'cache/archives/partial', 'download'])
      mkdirSync(join(work, dir), {recursive: true});
    writeFileSync(join(work, 'status'), '');
    writeFileSync(
      join(work, 'sources.list'),
      `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror()} ${suite} main\n`,
    );
    const options = {
      'Dir::Etc::sourcelist': join(work, 'sources.list'),
      'Dir::Etc::sourceparts': '/dev/null',
      'Dir::State': join(work, 'state'),
      'Dir::State::status': join(work, 'status'),
      'Dir::Cache': join(work, 'cache'),
      'APT::Sandbox::User': 'root',
    };
    const flags = Object.entries(options).map(([key, value]) => `-o${key}=${value}`);
    const apt = (...args: string[]) =>
      execFileSync('apt-get', ['-q', ...flags, ...args], {
        cwd: join(work, 'download'),
        stdio: ['ignore', 'ignore', 'pipe'],
      });
    apt('update');
    apt('download', name);
    const deb = readdirSync(join(work, 'download')).find((file) => file.endsWith('.deb'));
    if (deb === undefined) throw new Error(`${name} of ${suite} was not downloaded`);
    execFileSync('dpkg-deb', ['-x', join(work, 'download', deb), join(work, 'files')]);
    const copy = `${target}.${process.pid}`;
    cpSync(join(work, 'files'), copy, {recursive: true});
    // Another run may have unpacked the same meanwhile: one of them is enough.
    if (existsSync(target)) rmSync(copy, {recursive: true});
    else renameSync(copy, target);
  } finally {
    rmSync(work, {recursive: true, force: true});
  }
  return target;
}

/** kubectl as Debian packages it: bookworm 1.20, trixie 1.32, forky 1.36. */
export function kubectl(suite: 'bookworm' | 'trixie' | 'forky'): string {
  return join(
    debianPackage(suite, suite === 'bookworm' ? 'kubernetes-client' : 'kubectl'),
    'usr/bin/kubectl',
  );
}

import {NodectlError} from '../../lib/errors.ts';
import {run} from '../process/run.ts';
import type {PackageManager} from './package-manager.ts';

const minutes = 60_000;

/**
 * The packages that a transaction of dnf newly installs, dependencies too: lines below headings as
 * `Installing dependencies:`. A package has one space before its name in both dnf 4 and dnf 5.
 */
export function parseTransaction(output: string): string[] {
  let installing = false;
  return output.split('\n').flatMap((line) => {
    if (/^\S/.test(line)) installing = /^Installing( \S+)*:$/.test(line.trim());
    const name = installing ? /^ (\S+)/.exec(line)?.[1] : undefined;
    return name ?? [];
  });
}

/** rpm exits with the number of packages that it did not find. */
const anyCount = Array.from({length: 64}, (_, count) => count);

const dnfOptions = ['--setopt=install_weak_deps=False'];

export const dnf: PackageManager = {
  kind: 'dnf',
  async simulate(names) {
    // It answers its own question with no, and says by 1 that it did nothing.
    const {exitCode, stdout, stderr} = await run('dnf', ['--assumeno', ...dnfOptions, 'install', ...names], {
      okCodes: [0, 1],
      timeoutMs: 5 * minutes,
    });
    const brings = parseTransaction(stdout);
    if (exitCode === 1 && brings.length === 0)
      throw new NodectlError('ND503', `dnf cannot install ${names.join(', ')}: ${stderr.trim()}`, {
        // RHEL and its kin have no containerd in their own repositories.
        next: ['Enable a repository that has them, or join again with --runtime-source archive.'],
      });
    return brings;
  },
  async install(names) {
    await run('dnf', ['-y', '-q', ...dnfOptions, 'install', ...names], {
      timeoutMs: 15 * minutes,
    });
  },
  async toFetch(names) {
    const {exitCode} = await run(
      'dnf',
      ['-y', '-q', '--cacheonly', '--downloadonly', ...dnfOptions, 'install', ...names],
      {
        okCodes: [0, 1],
        timeoutMs: 5 * minutes,
      },
    );
    return exitCode === 0 ? [] : names;
  },
  async candidate(name) {
    const query = ['-q', 'repoquery', '--latest-limit=1', '--queryformat', '%{version}\n', name];
    const {stdout} = await run('dnf', query, {okCodes: [0, 1], timeoutMs: 2 * minutes});
    return stdout.trim().split('\n').at(-1) || undefined;
  },
  async remove(names) {
    // rpm, and not dnf, for the same reason as above.
    const queried = await run('rpm', ['-q', '--qf', '%{NAME}\n', ...names], {okCodes: anyCount});
    const present = queried.stdout.split('\n').filter((line) => names.includes(line));
    if (present.length > 0) await run('rpm', ['--erase', ...present], {timeoutMs: 10 * minutes});
  },
  async shippedDigest(path) {
    const {exitCode, stdout} = await run('rpm', ['-qf', '--qf', '[%{FILENAMES} %{FILEDIGESTS}\n]', path], {
      okCodes: [0, 1],
    });
    const line =
      exitCode === 0 ? stdout.split('\n').find((entry) => entry.startsWith(`${path} `)) : undefined;
    return line?.split(' ')[1];
  },
};

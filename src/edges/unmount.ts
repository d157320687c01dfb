import {run} from './exec.ts';
import {readText} from './files.ts';

/**
 * Mount points below a directory, innermost first (proc_pid_mountinfo(5): field 5, octal escapes). One at the
 * directory itself is the administrator's: a disk of its own.
 */
export function mountsBelow(mountinfo: string, dir: string): string[] {
  return mountinfo
    .split('\n')
    .map((line) =>
      (line.split(' ')[4] ?? '').replace(/\\([0-7]{3})/g, (_, octal: string) => octalCharacter(octal)),
    )
    .filter((point) => point.startsWith(`${dir}/`))
    .reverse();
}

function octalCharacter(octal: string): string {
  return String.fromCharCode(Number.parseInt(octal, 8));
}

/**
 * Unmounts everything below a directory, latest first, lazily where a process still holds it; the sources of
 * binds are never touched. Returns what would not go.
 */
export async function unmountBelow(dir: string): Promise<string[]> {
  for (let round = 0; round < 3; round++) {
    const points = mountsBelow((await readText('/proc/self/mountinfo')) ?? '', dir);
    if (points.length === 0) return [];
    for (const point of points) {
      const {exitCode} = await umount(['--no-canonicalize', '--', point]);
      if (exitCode !== 0) await umount(['--lazy', '--no-canonicalize', '--', point]);
    }
  }
  return mountsBelow((await readText('/proc/self/mountinfo')) ?? '', dir);
}

function umount(args: readonly string[]) {
  return run('umount', args, {okCodes: [0, 1, 2, 4, 8, 16, 32, 64], timeoutMs: 30_000});
}

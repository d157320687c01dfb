import {basename} from 'node:path';
import {plainDaemon, tellServiceManager} from './commands/daemons/index.ts';

/** Names under which tools look for the daemons; a symlink of that name starts them (kube-bench, `ps -C kubelet`). */
const multiCall: Readonly<Record<string, string>> = {kubelet: 'kubelet', 'kube-proxy': 'proxy'};

async function main(): Promise<void> {
  // Hardened machines give root 077: daemons would hand pods files that only root may read.
  process.umask(0o022);
  leaveRemovedDirectory();
  const alias = multiCall[basename(process.argv[1] ?? '')];
  const given = process.argv.slice(2);
  const words = alias === undefined ? given : [alias, ...given];
  const run = await plainDaemon(words);
  if (run === undefined) {
    const {answer} = await import('./cli.ts');
    return answer(words);
  }
  // Node itself would show the line of the program where it happened: of a bundle, all of it.
  process.once('uncaughtException', (error) => void fail(error, words[0]).finally(() => process.exit()));
  await run().catch((error: unknown) => fail(error, words[0]));
}

/** A shell may stand in a directory that somebody has removed, as after a reset: no program can be started from there. */
function leaveRemovedDirectory(): void {
  try {
    process.cwd();
  } catch {
    process.chdir('/');
  }
}

/** Of a daemon, which nobody can run again to see more of what it did not expect. */
async function fail(raised: unknown, id: string | undefined): Promise<void> {
  const {failureOf, printFailure} = await import('./ui/failure.ts');
  const {exitCode} = await import('./ui/print-error.ts');
  const error = failureOf(raised, id);
  printFailure(error, raised, {stack: true});
  await tellServiceManager(error);
  process.exitCode = exitCode(error);
}

void main();

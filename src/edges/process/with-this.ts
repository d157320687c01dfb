import type {ChildProcess} from 'node:child_process';

/** Programs that run: they end with this process. */
const running = new Set<ChildProcess>();

function endAll(): void {
  for (const child of running) child.kill();
}

/** To be called back when it has ended by itself. */
export function endWithThis(child: ChildProcess): () => void {
  if (running.size === 0) process.once('exit', endAll);
  running.add(child);
  return () => {
    running.delete(child);
    if (running.size === 0) process.removeListener('exit', endAll);
  };
}

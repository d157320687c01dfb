import {once} from 'node:events';
import {start} from '../../../src/edges/process/exec.ts';
import {MemoryWatch} from './usage.ts';

/** What a process of this Node holds that does nothing: below that is no daemon that runs in it. */
export async function measureBare(env: Readonly<Record<string, string>>) {
  const child = start(process.execPath, ['-e', 'setInterval(() => {}, 1e5); console.log("up")'], {env});
  try {
    await once(child.stdout, 'data');
    const memory = new MemoryWatch(child.pid ?? 0);
    memory.stop();
    return {restMB: memory.nowMB, fileMB: memory.ownFileMB};
  } finally {
    child.kill('SIGKILL');
    await child;
  }
}

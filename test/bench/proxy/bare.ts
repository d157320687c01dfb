import {once} from 'node:events';
import {start} from '../../../src/edges/process/exec.ts';
import {MemoryWatch} from './usage.ts';

/** Does nothing. */
const idle = 'setInterval(() => {}, 1e5); console.log("up")';
/**
 * Does nothing either, but has what any proxy has: ports for health and metrics, four watches of an API, nft that waits for
 * statements, and a monitor.
 */
const connected = `
  const {createServer, get} = require('node:http');
  const {spawn} = require('node:child_process');
  const {readFile} = require('node:fs/promises');
  const nft = spawn('nft', ['-i'], {env: {...process.env, HOME: '/dev/null'}});
  nft.stdin.write('list hooks\\n');
  const monitor = spawn('setpriv', ['--pdeathsig', 'KILL', 'xtables-monitor', '--event']);
  for (const child of [nft, monitor]) for (const stream of [child.stdout, child.stderr]) stream.resume();
  createServer().listen(0, '127.0.0.1');
  const server = createServer((request, response) => response.write('{}'));
  let heard = 0;
  const answer = (response) => response.on('data', () => ++heard === 4 && setTimeout(() => console.log('up'), 1000));
  server.listen(0, '127.0.0.1', async () => {
    await readFile('/proc/self/status');
    for (let i = 0; i < 4; i++) get({host: '127.0.0.1', port: server.address().port}, answer);
  });`;

export type Bare = {readonly name: string; readonly restMB: number; readonly fileMB: number};

/** What processes of this Node hold that do nothing, with their children: below that is no daemon that runs in it. */
export async function measureBare(env: Readonly<Record<string, string>>): Promise<Bare[]> {
  return [
    {name: 'bare Node', ...(await measured(idle, env))},
    {name: 'with connections', ...(await measured(connected, env))},
  ];
}

async function measured(script: string, env: Readonly<Record<string, string>>) {
  const child = start(process.execPath, ['-e', script], {env});
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

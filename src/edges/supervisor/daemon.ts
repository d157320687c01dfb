import {createServer, type Server, type Socket} from 'node:net';
import {dirname} from 'node:path';
import {Queue} from '../../lib/control/queue.ts';
import {describeError, NodectlError} from '../../lib/errors.ts';
import type {Logger} from '../../lib/log.ts';
import {realClock} from '../clock.ts';
import {makeDirectory, removeFile} from '../files/files.ts';
import {takeLock} from '../files/lock.ts';
import {ping} from './client.ts';
import {Fleet} from './fleet.ts';
import {rotate} from './rotate.ts';
import {SupervisorState} from './state.ts';

type Request = {readonly op: 'ping' | 'sync' | 'restart' | 'shutdown'; readonly name?: string};

const rotateEveryMs = 10_000;

/**
 * The parent of a node's daemons where systemd is not PID 1: starts what is wanted, restarts what ends, bounds the
 * logs. It may be killed at any moment: the daemons go on, and the next supervisor adopts them. Runs until it is
 * told to shut down, which leaves the daemons running too.
 */
export async function supervise(dir: string, log: Logger, signal: AbortSignal): Promise<void> {
  const state = new SupervisorState(dir);
  await state.prepare();
  const server = await own(state);
  const fleet = new Fleet(state, log);
  const queue = new Queue({
    clock: realClock,
    concurrency: 8,
    backoff: {firstMs: 200, maxMs: 5000},
    work: (name) => fleet.round(name),
    onError: (name, error, ms) => log.error(`${name}: ${describeError(error)}`, {retryInMs: ms}),
  });
  fleet.onExit = (name) => queue.enqueue(name);
  await fleet.adopt();
  for (const name of await state.names()) queue.enqueue(name);
  const timer = setInterval(() => void rotateAll(state, log), rotateEveryMs);
  await serve(server, fleet, queue, signal);
  clearInterval(timer);
  await queue.stop();
  await removeFile(state.socket);
}

/** Two supervisors of one directory would each start everything: the lock covers the moment between asking and binding. */
async function own(state: SupervisorState): Promise<Server> {
  const lock = await takeLock(state.lock);
  try {
    if (await ping(state.socket)) throw new NodectlError('ND905', `${state.dir} already has a supervisor`);
    await removeFile(state.socket);
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(state.socket, resolve);
    });
    return server;
  } finally {
    await lock.release();
  }
}

async function rotateAll(state: SupervisorState, log: Logger): Promise<void> {
  for (const name of await state.names()) {
    const unit = await state.wholeUnit(name);
    if (unit === undefined) continue;
    await makeDirectory(dirname(unit.logFile), 0o750)
      .then(() => rotate(unit.logFile))
      .catch((error: unknown) => log.warn(`${name}: ${describeError(error)}`));
  }
}

/** Resolves when shut down. One request and one answer, each a line of JSON, per connection. */
function serve(server: Server, fleet: Fleet, queue: Queue, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = (): void => {
      server.close();
      resolve();
    };
    if (signal.aborted) return end();
    signal.addEventListener('abort', end, {once: true});
    server.on('connection', (socket) => {
      readLine(socket, async (line) => {
        const request = parseRequest(line);
        const answer = await perform(request, fleet, queue).catch((error: unknown) => ({
          ok: false,
          error: describeError(error),
        }));
        socket.end(`${JSON.stringify({...answer, pid: process.pid})}\n`);
        if (request?.op === 'shutdown') end();
      });
    });
  });
}

function readLine(socket: Socket, handle: (line: string) => Promise<void>): void {
  let text = '';
  let handled = false;
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8');
    const at = text.indexOf('\n');
    if (handled || (at < 0 && text.length < 4096)) return;
    handled = true;
    void handle(text.slice(0, Math.max(at, 0)));
  });
}

function parseRequest(line: string): Request | undefined {
  try {
    const value: Request = JSON.parse(line);
    return ['ping', 'sync', 'restart', 'shutdown'].includes(value.op) ? value : undefined;
  } catch {
    return undefined;
  }
}

async function perform(
  request: Request | undefined,
  fleet: Fleet,
  queue: Queue,
): Promise<{ok: boolean; error?: string}> {
  if (request === undefined) return {ok: false, error: 'not a request'};
  const {op, name} = request;
  if (name === undefined || op === 'ping' || op === 'shutdown') return {ok: true};
  const settled = fleet.settled(name, op === 'restart');
  queue.enqueue(name);
  await settled;
  return {ok: true};
}

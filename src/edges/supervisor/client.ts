import {connect} from 'node:net';
import {NodectlError} from '../../lib/errors.ts';
import {errno} from '../files/files.ts';

type Answer = {readonly ok: boolean; readonly error?: string; readonly pid?: number};

/** Whether a living supervisor listens there. @throws EACCES for who may not ask */
export async function ping(socketPath: string): Promise<boolean> {
  try {
    return (await exchange(socketPath, {op: 'ping'}, 2000)).ok;
  } catch (error) {
    if (errno(error) === 'EACCES') throw error;
    return false;
  }
}

/** Asks the supervisor, waits until it is done, and resolves with its pid. */
export async function ask(
  socketPath: string,
  request: {readonly op: 'sync' | 'restart' | 'shutdown'; readonly name?: string},
  timeoutMs: number,
): Promise<number> {
  const answer = await exchange(socketPath, request, timeoutMs);
  if (!answer.ok) throw new NodectlError('ND702', `${request.name ?? request.op}: ${answer.error ?? ''}`);
  return answer.pid ?? 0;
}

function exchange(socketPath: string, request: object, timeoutMs: number): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const socket = connect(socketPath);
    let text = '';
    const timer = setTimeout(
      () => socket.destroy(new NodectlError('ND702', 'the supervisor does not answer')),
      timeoutMs,
    );
    socket.on('connect', () => socket.write(`${JSON.stringify(request)}\n`));
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
    });
    socket.on('error', reject);
    socket.on('close', () => {
      clearTimeout(timer);
      try {
        resolve(JSON.parse(text));
      } catch (cause) {
        reject(new NodectlError('ND702', 'the supervisor ended before it answered', {cause}));
      }
    });
  });
}

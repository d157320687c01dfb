import {WebSocket} from 'ws';
import {printable} from '../../lib/text/printable.ts';

/** Programs of a container whose streams are this process's. */
export type ExecStreams = {
  readonly stdin: NodeJS.ReadStream | undefined;
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  readonly tty: boolean;
};

/** First byte of each message (v4.channel.k8s.io); with `close`, which v5 has, a channel is told to have ended. */
const channel = {stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255} as const;
const withClose = 'v5.channel.k8s.io';

type Ended = {
  readonly status?: string;
  readonly message?: string;
  readonly details?: {readonly causes?: readonly {readonly reason?: string; readonly message?: string}[]};
};

/** Runs until the program has ended, and tells on stderr why it has no exit code of its own; `url` is CRI Exec's. */
export function streamExec(url: string, streams: ExecStreams): Promise<number> {
  const {promise, resolve, reject} = Promise.withResolvers<number>();
  const socket = new WebSocket(url.replace(/^http/, 'ws'), [withClose, 'v4.channel.k8s.io']);
  let ended: ExecEnd = {exitCode: 1, why: 'the runtime has ended the connection'};
  const send = (kind: number, data: Buffer) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(Buffer.concat([Buffer.of(kind), data]));
  };
  const onInput = (data: Buffer) => send(channel.stdin, data);
  const onEnd = () => {
    if (socket.protocol === withClose) return send(channel.close, Buffer.of(channel.stdin));
    streams.stderr.write(
      'nodectl: this runtime cannot be told that the input has ended; Ctrl-C ends the program\n',
    );
  };
  const onResize = () => {
    const {columns: Width, rows: Height} = process.stdout;
    send(channel.resize, Buffer.from(JSON.stringify({Width, Height})));
  };
  socket.on('open', () => {
    streams.stdin?.on('data', onInput);
    streams.stdin?.once('end', onEnd);
    if (!streams.tty) return;
    streams.stdin?.setRawMode?.(true);
    onResize();
    process.stdout.on('resize', onResize);
  });
  socket.on('message', (message: Buffer) => {
    const data = message.subarray(1);
    if (message[0] === channel.stdout) streams.stdout.write(data);
    else if (message[0] === channel.stderr) streams.stderr.write(data);
    else if (message[0] === channel.error) ended = endOf(data.toString('utf8'));
  });
  socket.on('error', reject);
  socket.on('close', () => {
    streams.stdin?.off('data', onInput);
    streams.stdin?.off('end', onEnd);
    streams.stdin?.pause();
    if (streams.tty) streams.stdin?.setRawMode?.(false);
    process.stdout.off('resize', onResize);
    if (ended.why !== undefined) streams.stderr.write(`nodectl: ${printable(ended.why)}\n`);
    resolve(ended.exitCode);
  });
  return promise;
}

type ExecEnd = {readonly exitCode: number; readonly why?: string};

/** A metav1.Status: a program's exit code stands in its details, why none was started is its message. */
export function endOf(text: string): ExecEnd {
  try {
    const {status, message = 'the runtime does not say why', details}: Ended = JSON.parse(text);
    if (status === 'Success') return {exitCode: 0};
    const code = details?.causes?.find(({reason}) => reason === 'ExitCode')?.message;
    return code === undefined ? {exitCode: 1, why: message} : {exitCode: Number(code)};
  } catch {
    return {exitCode: 1, why: text};
  }
}

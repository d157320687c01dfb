import {WebSocket} from 'ws';

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

/** Runs until the program has ended; answers with its exit code. `url` is what CRI's Exec gave. */
export function streamExec(url: string, streams: ExecStreams): Promise<number> {
  const {promise, resolve, reject} = Promise.withResolvers<number>();
  const socket = new WebSocket(url.replace(/^http/, 'ws'), [withClose, 'v4.channel.k8s.io']);
  let exitCode = 0;
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
    else if (message[0] === channel.error) exitCode = exitOf(data.toString('utf8'));
  });
  socket.on('error', reject);
  socket.on('close', () => {
    streams.stdin?.off('data', onInput);
    streams.stdin?.off('end', onEnd);
    streams.stdin?.pause();
    if (streams.tty) streams.stdin?.setRawMode?.(false);
    process.stdout.off('resize', onResize);
    resolve(exitCode);
  });
  return promise;
}

/** A metav1.Status; of a program that failed its details hold the exit code. */
export function exitOf(text: string): number {
  try {
    const ended: Ended = JSON.parse(text);
    if (ended.status === 'Success') return 0;
    const cause = ended.details?.causes?.find(({reason}) => reason === 'ExitCode');
    return Number(cause?.message ?? 1);
  } catch {
    return 1;
  }
}

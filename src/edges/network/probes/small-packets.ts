import {connect} from 'node:net';

/**
 * Whether a TLS server says anything to a few bytes that are no TLS (Go answers HTTP 400, others an alert or a close):
 * packets of every size but small ones may be lost on the way.
 */
export function answersSmall(server: string, timeoutMs: number): Promise<boolean> {
  const {hostname, port} = new URL(server);
  const {promise, resolve} = Promise.withResolvers<boolean>();
  const socket = connect({
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port === '' ? 443 : port),
    timeout: timeoutMs,
  });
  const end = (answered: boolean) => {
    socket.destroy();
    resolve(answered);
  };
  socket.once('connect', () => {
    socket.write('GET / HTTP/1.0\r\n\r\n');
    socket.once('data', () => end(true));
    socket.once('end', () => end(true));
    socket.once('error', () => end(true));
  });
  socket.once('timeout', () => end(false));
  socket.once('error', () => end(false));
  return promise;
}

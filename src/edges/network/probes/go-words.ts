import {joinHostPort} from '../../../lib/addresses.ts';

/** What of a connection is told in words. */
export type Ends = {
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
};

/** As Go prints the kernel's errors: so Kubernetes tells of probes, and so people look for it. */
const words: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EADDRNOTAVAIL: 'cannot assign requested address',
  ECONNABORTED: 'software caused connection abort',
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset by peer',
  EHOSTUNREACH: 'no route to host',
  EINVAL: 'invalid argument',
  ENETUNREACH: 'network is unreachable',
  EPERM: 'operation not permitted',
  EPIPE: 'broken pipe',
  ETIMEDOUT: 'connection timed out',
};

/** What went wrong with a socket, as Go's package net words it; anything else as it is. */
export function socketWords(error: unknown, ends: Ends = {}): string {
  // Of several addresses that were tried, the first is told.
  if (error instanceof AggregateError && error.errors.length > 0) return socketWords(error.errors[0], ends);
  const {code, syscall, address, port, hostname, message} = fieldsOf(error);
  if (syscall === 'getaddrinfo') {
    const why = code === 'ENOTFOUND' ? 'no such host' : 'Temporary failure in name resolution';
    return `dial tcp: lookup ${hostname}: ${why}`;
  }
  const what = words[code];
  if (what === undefined) return message;
  if (syscall === 'connect') return `dial tcp ${joinHostPort(address, port)}: connect: ${what}`;
  if (syscall !== 'read' && syscall !== 'write') return message;
  const [local, remote] = [
    joinHostPort(ends.localAddress ?? '', ends.localPort ?? 0),
    joinHostPort(ends.remoteAddress ?? '', ends.remotePort ?? 0),
  ];
  return `${syscall} tcp ${local}->${remote}: ${syscall}: ${what}`;
}

const badStatusLine = ['HPE_INVALID_CONSTANT', 'HPE_INVALID_VERSION', 'HPE_INVALID_STATUS'];
const maxLineBytes = 1024;

/** What is wrong with an HTTP answer that was not one; undefined: its connection is what failed. */
export function brokenWords(error: Error, bytesRead: number): string | undefined {
  const {code, syscall, message} = fieldsOf(error);
  // Node's word for a connection that was closed before the answer.
  if (code === 'ECONNRESET' && syscall === '') return bytesRead === 0 ? 'EOF' : `${broken}: unexpected EOF`;
  if (!code.startsWith('HPE_')) return undefined;
  const raw = 'rawPacket' in error && Buffer.isBuffer(error.rawPacket) ? error.rawPacket : undefined;
  if (raw === undefined || !badStatusLine.includes(code)) return `${broken}: ${message}`;
  const [line = ''] = raw.subarray(0, maxLineBytes).toString('latin1').split(/\r?\n/);
  return `${broken}: malformed HTTP response "${quoted(line)}"`;
}

const broken = 'net/http: HTTP/1.x transport connection broken';

/** As Go's %q, for what mostly is no text. */
function quoted(bytes: string): string {
  return bytes.replace(/["\\]|[^ -~]/g, (c) =>
    c === '"' || c === '\\' ? `\\${c}` : `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}

type Fields = Record<'code' | 'syscall' | 'address' | 'port' | 'hostname' | 'message', string>;

function fieldsOf(error: unknown): Fields {
  const all = new Map(Object.entries(error instanceof Error ? error : {}));
  const field = (name: string) => String(all.get(name) ?? '');
  const message = error instanceof Error ? error.message : String(error);
  return {
    code: field('code'),
    syscall: field('syscall'),
    address: field('address'),
    port: field('port'),
    hostname: field('hostname'),
    message,
  };
}

import {randomInt} from 'node:crypto';
import {createSocket} from 'node:dgram';
import {connect, isIPv6} from 'node:net';
import type {Clock} from '../../lib/time.ts';
import {framed, messages} from './framing.ts';

export type Upstream = {readonly address: string; readonly port: number};

/** glibc's own: how long one server may take before the next is asked. */
const timeoutMs = 2_000;

/**
 * Asks the upstream servers in turn, over the asker's own transport, and gives back the bytes of the first answer
 * under the asker's id. Undefined when none of them answers.
 */
export async function forward(
  query: Buffer,
  transport: 'udp' | 'tcp',
  upstreams: readonly Upstream[],
  clock: Clock,
): Promise<Buffer | undefined> {
  const id = query.readUInt16BE(0);
  for (const upstream of upstreams) {
    const outgoing = Buffer.from(query);
    outgoing.writeUInt16BE(randomInt(65_536), 0);
    const ask = transport === 'udp' ? askUdp : askTcp;
    const answer = await ask(outgoing, upstream, clock);
    if (answer === undefined) continue;
    answer.writeUInt16BE(id, 0);
    return answer;
  }
  return undefined;
}

/** Whether bytes are the answer to this very query: its id, and the response bit. */
function answers(bytes: Buffer, query: Buffer): boolean {
  return (
    bytes.length >= 12 &&
    bytes.readUInt16BE(0) === query.readUInt16BE(0) &&
    (bytes.readUInt16BE(2) & 0x8000) !== 0
  );
}

function askUdp(query: Buffer, {address, port}: Upstream, clock: Clock): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    // A socket of its own: a fresh source port is half of what protects against forged answers.
    const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    const cancel = clock.after(timeoutMs, () => end(undefined));
    let open = true;
    const end = (answer: Buffer | undefined) => {
      if (!open) return;
      open = false;
      cancel();
      socket.close();
      resolve(answer);
    };
    socket.on('error', () => end(undefined));
    socket.on('message', (bytes) => {
      if (answers(bytes, query)) end(bytes);
    });
    socket.connect(port, address, () => socket.send(query));
  });
}

function askTcp(query: Buffer, {address, port}: Upstream, clock: Clock): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, address);
    const end = (answer: Buffer | undefined) => {
      cancel();
      socket.destroy();
      resolve(answer);
    };
    const cancel = clock.after(timeoutMs, () => end(undefined));
    socket.on('error', () => end(undefined));
    socket.on('close', () => end(undefined));
    messages(socket, (bytes) => {
      if (answers(bytes, query)) end(bytes);
    });
    socket.write(framed(query));
  });
}

/** The name servers of a resolv.conf, in order. */
export function nameServers(resolvConf: string): Upstream[] {
  return resolvConf
    .split('\n')
    .map((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1]?.replace(/%.*$/, ''))
    .filter((address) => address !== undefined)
    .map((address) => ({address, port: 53}));
}

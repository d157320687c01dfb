import {createSocket} from 'node:dgram';
import {isIPv6} from 'node:net';
import {decode, encode} from 'dns-packet';
import {describeError} from '../../../lib/errors.ts';
import {errno} from '../../files/files.ts';

/** What one DNS server said of a name. */
export type DnsAnswer =
  | {readonly kind: 'answer'; readonly code: string; readonly addresses: readonly string[]}
  | {readonly kind: 'refused' | 'silent'; readonly detail: string};

/** Asks one server for the addresses of a name, in its own family (that of its Services), over UDP, twice at most: a datagram may get lost. */
export async function askDns(server: string, name: string, timeoutMs: number): Promise<DnsAnswer> {
  const first = await askOnce(server, name, timeoutMs / 2);
  return first.kind === 'silent' ? askOnce(server, name, timeoutMs / 2) : first;
}

function askOnce(server: string, name: string, timeoutMs: number): Promise<DnsAnswer> {
  const {promise, resolve} = Promise.withResolvers<DnsAnswer>();
  const socket = createSocket(isIPv6(server) ? 'udp6' : 'udp4');
  const end = (answer: DnsAnswer) => {
    clearTimeout(timer);
    socket.close();
    resolve(answer);
  };
  const timer = setTimeout(
    () => end({kind: 'silent', detail: `no answer of ${server} to a question`}),
    timeoutMs,
  );
  socket.on('error', (error) => {
    const refused = ['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH'].includes(errno(error) ?? '');
    end({kind: refused ? 'refused' : 'silent', detail: describeError(error)});
  });
  socket.on('message', (message) => end(readAnswer(message)));
  // Connected, so that an ICMP refusal arrives. Without a route the connection itself is an error: no callback then.
  socket.once('connect', () =>
    socket.send(
      encode({
        type: 'query',
        id: Math.floor(Math.random() * 65_536),
        flags: 0x100,
        questions: [{type: isIPv6(server) ? 'AAAA' : 'A', name}],
      }),
    ),
  );
  socket.connect(53, server);
  return promise;
}

function readAnswer(message: Buffer): DnsAnswer {
  try {
    const packet = decode(message);
    const addresses = (packet.answers ?? []).flatMap((answer) =>
      answer.type === 'A' || answer.type === 'AAAA' ? [answer.data] : [],
    );
    return {kind: 'answer', code: 'rcode' in packet ? String(packet.rcode) : 'NOERROR', addresses};
  } catch (error) {
    return {kind: 'silent', detail: describeError(error)};
  }
}

import {
  type Answer,
  AUTHORITATIVE_ANSWER,
  decode,
  encode,
  type Packet,
  RECURSION_AVAILABLE,
  RECURSION_DESIRED,
  TRUNCATED_RESPONSE,
} from 'dns-packet';
import type {DnsRecord} from './answer.ts';

export const rcodes = {NOERROR: 0, FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, NOTIMP: 4, REFUSED: 5} as const;
export type Rcode = keyof typeof rcodes;

export type Reply = {
  readonly rcode: Rcode;
  readonly authoritative: boolean;
  readonly answers?: readonly DnsRecord[];
  readonly additionals?: readonly DnsRecord[];
  readonly authorities?: readonly DnsRecord[];
};

/** Without EDNS a UDP answer has at most this many bytes (RFC 1035, 4.2.1). */
const plainUdpBytes = 512;
/** What DNS flag day 2020 found to pass everywhere without fragments. */
const largestUdpBytes = 1232;

/** Undefined for what is no query that could be answered. */
export function readQuery(bytes: Buffer): Packet | undefined {
  if (bytes.length < 12 || (bytes.readUInt16BE(2) & 0x8000) !== 0) return undefined;
  try {
    return decode(bytes);
  } catch {
    return undefined;
  }
}

/** A header alone, for a query that could not be read. */
export function formatError(bytes: Buffer): Buffer | undefined {
  if (bytes.length < 12 || (bytes.readUInt16BE(2) & 0x8000) !== 0) return undefined;
  return encode({type: 'response', id: bytes.readUInt16BE(0), flags: rcodes.FORMERR});
}

/** How much of an answer the asker takes over UDP. */
export function udpLimit(query: Packet): number {
  const size = query.additionals?.find((record) => record.type === 'OPT')?.udpPayloadSize ?? plainUdpBytes;
  return Math.min(Math.max(size, plainUdpBytes), largestUdpBytes);
}

/** The bytes of a reply, cut to `limit`: first what is only helpful, then all of it, with the flag that says so. */
export function encodeReply(query: Packet, reply: Reply, limit: number): Buffer {
  const full = encode(packetOf(query, reply, 0));
  if (full.length <= limit) return full;
  const lean = encode(packetOf(query, {...reply, additionals: []}, 0));
  if (lean.length <= limit) return lean;
  return encode(
    packetOf(query, {...reply, answers: [], additionals: [], authorities: []}, TRUNCATED_RESPONSE),
  );
}

function packetOf(query: Packet, reply: Reply, extraFlags: number): Packet {
  const edns: Answer[] = query.additionals?.some((record) => record.type === 'OPT') ? [opt()] : [];
  const asked = (query.flags ?? 0) & RECURSION_DESIRED;
  const authority = reply.authoritative ? AUTHORITATIVE_ANSWER : 0;
  return {
    type: 'response',
    id: query.id,
    flags: asked | authority | RECURSION_AVAILABLE | extraFlags | rcodes[reply.rcode],
    questions: query.questions,
    answers: [...(reply.answers ?? [])],
    authorities: [...(reply.authorities ?? [])],
    additionals: [...(reply.additionals ?? []), ...edns],
  };
}

function opt(): Answer {
  return {
    type: 'OPT',
    name: '.',
    udpPayloadSize: largestUdpBytes,
    extendedRcode: 0,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  };
}

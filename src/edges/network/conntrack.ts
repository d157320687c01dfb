import type {Family} from '../../lib/addresses.ts';
import {run} from '../process/exec.ts';

/** One tracked UDP flow: where it was sent to, and who answers. */
export type UdpFlow = {readonly destination: string; readonly port: number; readonly answersFrom: string};

const words: Readonly<Record<Family, string>> = {IPv4: 'ipv4', IPv6: 'ipv6'};
/** A million entries are about 200 MB of text: more than that is not read in one go. */
const maxBuffer = 256 * 1024 * 1024;

export async function listUdpFlows(family: Family): Promise<UdpFlow[]> {
  const {stdout} = await run('conntrack', ['-L', '-p', 'udp', '-f', words[family]], {maxBuffer});
  return stdout.split('\n').flatMap((line) => parseFlow(line) ?? []);
}

/** `udp 17 29 src=A dst=B sport=1 dport=53 src=C dst=D sport=53 dport=1 …`: the original direction, then the reply. */
export function parseFlow(line: string): UdpFlow | undefined {
  const sources = [...line.matchAll(/\bsrc=(\S+)/g)];
  const destination = /\bdst=(\S+)/.exec(line)?.[1];
  const port = /\bdport=(\d+)/.exec(line)?.[1];
  const answersFrom = sources[1]?.[1];
  if (destination === undefined || port === undefined || answersFrom === undefined) return undefined;
  return {destination, port: Number(port), answersFrom};
}

/** Deletes every flow like this one; returns how many there were. */
export async function deleteUdpFlows(family: Family, flow: UdpFlow): Promise<number> {
  const {destination, port, answersFrom} = flow;
  const match = ['--orig-dst', destination, '--orig-port-dst', String(port), '--reply-src', answersFrom];
  // It ends with 1 when there was none to delete: the flow has ended by itself.
  const {stderr} = await run('conntrack', ['-D', '-p', 'udp', '-f', words[family], ...match], {
    okCodes: [0, 1],
  });
  return Number(/(\d+) flow entries/.exec(stderr)?.[1] ?? 0);
}

import {createInterface} from 'node:readline';
import type {Family} from '../../lib/addresses.ts';
import {NodectlError} from '../../lib/errors.ts';
import {start} from '../process/exec.ts';
import {run} from '../process/run.ts';

/** A kind of tracked UDP flow: where it was sent to, and who answers. */
export type UdpFlow = {
  readonly destination: string;
  readonly port: number;
  readonly answersFrom: string;
  readonly answersPort: number;
};

const words: Readonly<Record<Family, string>> = {IPv4: 'ipv4', IPv6: 'ipv6'};

/** The kinds of flows that are wanted, each once; a table of a million entries is never whole in memory. */
export async function listUdpFlows(family: Family, wanted: (flow: UdpFlow) => boolean): Promise<UdpFlow[]> {
  const child = start('conntrack', ['-L', '-p', 'udp', '-f', words[family]]);
  child.stdin.end();
  child.stderr.resume();
  const found = new Map<string, UdpFlow>();
  const lines = createInterface({input: child.stdout}).on('line', (line) => {
    const flow = parseFlow(line);
    if (flow !== undefined && wanted(flow)) found.set(JSON.stringify(flow), flow);
  });
  const read = new Promise((resolve) => lines.once('close', resolve));
  const {exitCode, signal, originalMessage} = await child;
  await read;
  if (exitCode === 0) return [...found.values()];
  throw new NodectlError('ND903', `conntrack -L failed: ${signal ?? originalMessage ?? `exit ${exitCode}`}`);
}

/** The original direction, then the reply. */
const twoWays = /\bdst=(\S+) sport=\d+ dport=(\d+) .*?\bsrc=(\S+) dst=\S+ sport=(\d+)/;

/** `udp 17 29 src=A dst=B sport=1 dport=53 src=C dst=D sport=53 dport=1 …` */
export function parseFlow(line: string): UdpFlow | undefined {
  const [, destination, port, answersFrom, answersPort] = twoWays.exec(line) ?? [];
  if (destination === undefined || answersFrom === undefined) return undefined;
  return {destination, port: Number(port), answersFrom, answersPort: Number(answersPort)};
}

/** Deletes every flow like this one; returns how many there were. */
export async function deleteUdpFlows(family: Family, flow: UdpFlow): Promise<number> {
  const {destination, port, answersFrom, answersPort} = flow;
  const match = [
    ...['--orig-dst', destination, '--orig-port-dst', String(port)],
    ...['--reply-src', answersFrom, '--reply-port-src', String(answersPort)],
  ];
  // It ends with 1 when there was none to delete: the flow has ended by itself.
  const {stderr} = await run('conntrack', ['-D', '-p', 'udp', '-f', words[family], ...match], {
    okCodes: [0, 1],
  });
  return Number(/(\d+) flow entries/.exec(stderr)?.[1] ?? 0);
}

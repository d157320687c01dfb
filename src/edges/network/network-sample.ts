import {readFileSync} from 'node:fs';

/** Counters of one interface of a network namespace. */
export type NetworkSample = {
  readonly name: string;
  readonly rxBytes: number;
  readonly rxPackets: number;
  readonly rxErrors: number;
  readonly rxDropped: number;
  readonly txBytes: number;
  readonly txPackets: number;
  readonly txErrors: number;
  readonly txDropped: number;
};

/** Interfaces of the network that a process lives in; undefined when it has gone. */
export function readNetwork(pid: number | 'self'): NetworkSample[] | undefined {
  try {
    return parseNetDev(readFileSync(`/proc/${pid}/net/dev`, 'utf8'));
  } catch {
    // Also EINVAL: a process that has ended and was not waited for has no network any more.
    return undefined;
  }
}

/** Two lines of headings; then `name: bytes packets errs drop fifo frame compressed multicast` and the same sent. */
export function parseNetDev(text: string): NetworkSample[] {
  return text
    .split('\n')
    .slice(2)
    .flatMap((line) => {
      const colon = line.lastIndexOf(':');
      const name = line.slice(0, Math.max(0, colon)).trim();
      if (name === '' || name === 'lo') return [];
      const fields = line
        .slice(colon + 1)
        .trim()
        .split(/\s+/)
        .map(Number);
      const [rxBytes = 0, rxPackets = 0, rxErrors = 0, rxDropped = 0] = fields;
      const [txBytes = 0, txPackets = 0, txErrors = 0, txDropped = 0] = fields.slice(8);
      return [{name, rxBytes, rxPackets, rxErrors, rxDropped, txBytes, txPackets, txErrors, txDropped}];
    });
}

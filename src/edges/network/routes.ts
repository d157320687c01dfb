import {readText} from '../files/files.ts';

/** An IPv4 route of the main table. */
export type Route = {
  readonly device: string;
  readonly destination: string;
  readonly length: number;
  readonly gateway: boolean;
};

export async function readRoutes(): Promise<readonly Route[]> {
  return parseRoutes((await readText('/proc/self/net/route')) ?? '');
}

/** Iface Destination Gateway Flags RefCnt Use Metric Mask …; addresses are words in the machine's order. */
export function parseRoutes(table: string): Route[] {
  return table
    .split('\n')
    .slice(1)
    .map((line) => line.trim().split(/\s+/))
    .flatMap(([device, destination, gateway, , , , , mask]) =>
      device === undefined || destination === undefined || mask === undefined
        ? []
        : [
            {
              device,
              destination: dotted(destination),
              length: Number.parseInt(mask, 16).toString(2).replaceAll('0', '').length,
              gateway: gateway !== '00000000',
            },
          ],
    );
}

function dotted(hex: string): string {
  return (hex.match(/../g) ?? [])
    .reverse()
    .map((byte) => Number.parseInt(byte, 16))
    .join('.');
}

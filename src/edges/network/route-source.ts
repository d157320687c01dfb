import {createSocket} from 'node:dgram';
import {isIPv6} from 'node:net';
import {addressesOf} from '../trust/discovery.ts';

/** The address that packets to this server would leave by. Connecting a datagram socket only asks the route: nothing is sent. */
export async function routeSource(server: string): Promise<string | undefined> {
  const {hostname, port} = new URL(server);
  for (const {address} of await addressesOf(hostname)) {
    const source = await sourceTo(address, Number(port || 443));
    if (source !== undefined) return source;
  }
  return undefined;
}

function sourceTo(address: string, port: number): Promise<string | undefined> {
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
  return new Promise((resolve) => {
    const end = (source: string | undefined): void => {
      socket.close();
      resolve(source);
    };
    socket.once('error', () => end(undefined));
    socket.connect(port, address, () => end(socket.address().address));
  });
}

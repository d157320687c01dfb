import {createSocket, type Socket as UdpSocket} from 'node:dgram';
import {createServer, isIPv6, type Server, type Socket} from 'node:net';
import type {KubeClient} from '../../edges/kube/client.ts';
import {type ReflectorEvent, startReflector} from '../../edges/kube/watch/reflector.ts';
import {describeError} from '../../lib/errors.ts';
import type {EndpointSlice, KubeObject, Service} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import {endpointSlices, namespaces, type Resource, services} from '../../lib/resources.ts';
import type {Clock} from '../../lib/time.ts';
import type {Upstream} from './forward.ts';
import {framed, messages} from './framing.ts';
import {Records} from './records.ts';
import {Resolver} from './resolver.ts';

export type DnsOptions = {
  readonly client: KubeClient;
  /** Where to listen, UDP and TCP. */
  readonly address: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly clusterDomain: string;
  /** Who is asked about everything outside the cluster (see `nameServers`). */
  readonly upstreams: readonly Upstream[];
  readonly clock: Clock;
  readonly log: Logger;
};

/** An idle connection is closed after this long, as RFC 7766 lets a server do. */
const idleMs = 10_000;
const mostConnections = 256;

/** Starts the cluster's DNS; resolves when it listens and knows every Service. */
export async function startDns(options: DnsOptions): Promise<{port: number; close(): Promise<void>}> {
  const records = new Records(options.clusterDomain);
  const resolver = new Resolver({view: records, upstreams: options.upstreams, clock: options.clock});
  const {udp, tcp, port} = await listen(options.address, options.port);
  const reflectors = watchInto(records, options);
  // Nothing is answered before everything is known: a name that is not there yet must not be denied.
  await Promise.all(reflectors.map((reflector) => reflector.synced));
  const connections = serve(resolver, udp, tcp, options.log);
  return {
    port,
    close: async () => {
      for (const connection of connections) connection.destroy();
      await Promise.all([
        new Promise<void>((resolve) => udp.close(() => resolve())),
        new Promise<void>((resolve) => tcp.close(() => resolve())),
        ...reflectors.map((reflector) => reflector.stop()),
      ]);
    },
  };
}

function watchInto(records: Records, {client, clock, log}: DnsOptions) {
  const start = <T extends KubeObject>(
    resource: Resource<T>,
    change: (now: T | undefined, before: T | undefined) => void,
    trim?: (object: T) => T,
  ) =>
    startReflector<T>({
      client,
      resource,
      clock,
      log,
      trim,
      onEvent: (event: ReflectorEvent<T>) =>
        event.type === 'deleted' ? change(undefined, event.object) : change(event.object, event.old),
    });
  return [
    start(namespaces, (now, before) => records.changeNamespace(now, before)),
    start(services, (now, before) => records.changeService(now, before), lean),
    start(endpointSlices, (now, before) => records.changeSlice(now, before), lean),
  ];
}

/** Names and addresses are enough here. */
function lean<T extends Service | EndpointSlice>(object: T): T {
  delete object.metadata.managedFields;
  delete object.metadata.annotations;
  return object;
}

/** Both transports on one port; where the kernel gives it to UDP but TCP has it taken, another is tried. */
async function listen(address: string, port: number): Promise<{udp: UdpSocket; tcp: Server; port: number}> {
  for (let tries = 0; ; tries++) {
    const udp = createSocket(isIPv6(address) ? 'udp6' : 'udp4');
    const tcp = createServer();
    try {
      await bound(udp, (ready) => udp.bind(port, address, ready));
      const taken = udp.address().port;
      await bound(tcp, (ready) => tcp.listen(taken, address, ready));
      return {udp, tcp, port: taken};
    } catch (error) {
      udp.close();
      if (port !== 0 || tries >= 8) throw error;
    }
  }
}

function bound(emitter: UdpSocket | Server, start: (ready: () => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    emitter.once('error', reject);
    start(() => {
      emitter.removeListener('error', reject);
      resolve();
    });
  });
}

function serve(resolver: Resolver, udp: UdpSocket, tcp: Server, log: Logger): Set<Socket> {
  const failed = (error: unknown) => log.warn('a DNS query failed', {error: describeError(error)});
  const connections = new Set<Socket>();
  udp.on('error', failed);
  udp.on('message', (bytes, from) => {
    const reply = (answer: Buffer | undefined) => {
      if (answer !== undefined) udp.send(answer, from.port, from.address, (error) => error && failed(error));
    };
    resolver.resolve(bytes, 'udp').then(reply).catch(failed);
  });
  tcp.maxConnections = mostConnections;
  tcp.on('error', failed);
  tcp.on('connection', (socket) => {
    connections.add(socket);
    socket.setTimeout(idleMs, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('close', () => connections.delete(socket));
    messages(socket, (bytes) => {
      const reply = (answer: Buffer | undefined) => {
        if (answer !== undefined && socket.writable) socket.write(framed(answer));
      };
      resolver.resolve(bytes, 'tcp').then(reply).catch(failed);
    });
  });
  return connections;
}

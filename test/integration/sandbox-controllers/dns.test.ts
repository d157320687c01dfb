import {createSocket} from 'node:dgram';
import {connect} from 'node:net';
import {decode, encode, type Packet, RECURSION_DESIRED, type RecordType} from 'dns-packet';
import {afterAll, beforeAll, expect, it} from 'vitest';
import {realClock} from '../../../src/edges/clock.ts';
import {silent} from '../../../src/lib/log.ts';
import {services} from '../../../src/lib/resources.ts';
import {framed, messages} from '../../../src/sandbox/dns/framing.ts';
import {startDns} from '../../../src/sandbox/dns/start.ts';
import {type Cluster, eventually, startCluster} from './cluster.ts';

let cluster: Cluster;
let dns: Awaited<ReturnType<typeof startDns>>;
const upstream = createSocket('udp4');

beforeAll(async () => {
  cluster = await startCluster();
  upstream.on('message', (bytes, from) => {
    const query = decode(bytes);
    const answers = [{type: 'A' as const, name: 'example.com', ttl: 60, data: '198.51.100.7'}];
    upstream.send(
      encode({type: 'response', id: query.id, questions: query.questions, answers}),
      from.port,
      from.address,
    );
  });
  await new Promise<void>((resolve) => upstream.bind(0, '127.0.0.1', resolve));
  dns = await startDns({
    client: cluster.client,
    address: '127.0.0.1',
    port: 0,
    clusterDomain: 'cluster.local',
    upstreams: [{address: '127.0.0.1', port: upstream.address().port}],
    clock: realClock,
    log: silent,
  });
});

afterAll(async () => {
  await dns?.close();
  upstream.close();
  await cluster?.stop();
});

const query = (name: string, type: RecordType) =>
  encode({type: 'query', id: 99, flags: RECURSION_DESIRED, questions: [{name, type}]});

function udp(name: string, type: RecordType): Promise<Packet> {
  return new Promise((resolve, reject) => {
    const socket = createSocket('udp4');
    const timer = setTimeout(() => reject(new Error('no answer')), 5_000);
    socket.on('message', (bytes) => {
      clearTimeout(timer);
      socket.close();
      resolve(decode(bytes));
    });
    socket.send(query(name, type), dns.port, '127.0.0.1');
  });
}

function tcp(name: string, type: RecordType): Promise<Packet> {
  return new Promise((resolve, reject) => {
    const socket = connect(dns.port, '127.0.0.1');
    socket.on('error', reject);
    messages(socket, (bytes) => {
      socket.destroy();
      resolve(decode(bytes));
    });
    // In two pieces, as a network may deliver it.
    const bytes = framed(query(name, type));
    socket.write(bytes.subarray(0, 5), () => socket.write(bytes.subarray(5)));
  });
}

it('answers over UDP and TCP what the API server has just stored', async () => {
  const {client} = cluster;
  expect((await udp('kubernetes.default.svc.cluster.local', 'A')).answers).toMatchObject([
    {data: '10.96.0.1', ttl: 5},
  ]);
  await client.create(
    services,
    {metadata: {name: 'late', namespace: 'default'}, spec: {clusterIP: '10.96.0.77', ports: [{port: 1}]}},
    {namespace: 'default'},
  );
  const name = 'late.default.svc.cluster.local';
  await eventually(
    () => udp(name, 'A'),
    (packet) => packet.answers?.length === 1,
  );
  expect((await tcp(name, 'A')).answers).toMatchObject([{data: '10.96.0.77'}]);
  expect((await tcp('77.0.96.10.in-addr.arpa', 'PTR')).answers).toMatchObject([{data: name}]);
  await client.delete(services, {namespace: 'default', name: 'late'});
  await eventually(
    () => udp(name, 'A'),
    (packet) => packet.answers?.length === 0,
  );
});

it('asks the host name servers about everything else', async () => {
  const packet = await udp('example.com', 'A');
  expect(packet.id).toBe(99);
  expect(packet.answers).toMatchObject([{data: '198.51.100.7'}]);
});

import {decode, encode, RECURSION_DESIRED, type RecordType} from 'dns-packet';
import {describe, expect, it} from 'vitest';
import {realClock} from '../../../../src/edges/clock.ts';
import type {EndpointSlice, Service} from '../../../../src/lib/kubernetes.ts';
import {answerQuestion} from '../../../../src/sandbox/dns/answer.ts';
import {nameServers} from '../../../../src/sandbox/dns/forward.ts';
import {Records} from '../../../../src/sandbox/dns/records.ts';
import {Resolver} from '../../../../src/sandbox/dns/resolver.ts';

const meta = (name: string) => ({name, namespace: 'default', uid: name, resourceVersion: '1'});
const ports = [
  {name: 'http', port: 80, protocol: 'TCP'},
  {name: 'dns', port: 53, protocol: 'UDP'},
];
const service = (name: string, spec: object): Service => ({metadata: meta(name), spec: {ports, ...spec}});
const slice = (
  name: string,
  of: string,
  endpoints: NonNullable<EndpointSlice['endpoints']>,
): EndpointSlice => ({
  metadata: {...meta(name), labels: {'kubernetes.io/service-name': of}},
  addressType: 'IPv4',
  ports: [{name: 'http', port: 8080, protocol: 'TCP'}],
  endpoints,
});

function records(): Records {
  const made = new Records('cluster.local');
  made.changeNamespace({metadata: {name: 'default', uid: 'd', resourceVersion: '1'}}, undefined);
  made.changeService(
    service('web', {clusterIP: '10.96.0.5', clusterIPs: ['10.96.0.5', 'fd00::5']}),
    undefined,
  );
  made.changeService(service('db', {clusterIP: 'None', clusterIPs: ['None']}), undefined);
  made.changeService(service('empty', {clusterIP: 'None', clusterIPs: ['None']}), undefined);
  made.changeService(
    service('out', {type: 'ExternalName', externalName: 'web.default.svc.cluster.local'}),
    undefined,
  );
  made.changeSlice(
    slice('db-1', 'db', [
      {addresses: ['10.244.0.1'], hostname: 'db-0', conditions: {ready: true}},
      {addresses: ['10.244.0.2'], conditions: {}},
      {addresses: ['10.244.0.3'], conditions: {ready: false}},
    ]),
    undefined,
  );
  return made;
}

/** `rcode: data, data`. */
function ask(name: string, type: RecordType = 'A', from = records()): string {
  const outcome = answerQuestion({name, type}, from);
  if (outcome.type !== 'answer') return outcome.type;
  const data = outcome.answers.map((a) =>
    'data' in a ? (typeof a.data === 'string' ? a.data : JSON.stringify(a.data)) : '',
  );
  return `${outcome.rcode}: ${data.join(', ')}`;
}

describe('the cluster DNS', () => {
  it.each<[string, RecordType, string]>([
    ['web.default.svc.cluster.local', 'A', 'NOERROR: 10.96.0.5'],
    ['WEB.Default.svc.CLUSTER.local.', 'A', 'NOERROR: 10.96.0.5'],
    ['web.default.svc.cluster.local', 'AAAA', 'NOERROR: fd00::5'],
    ['web.default.svc.cluster.local', 'MX', 'NOERROR: '],
    ['nope.default.svc.cluster.local', 'A', 'NXDOMAIN: '],
    ['web.nope.svc.cluster.local', 'A', 'NXDOMAIN: '],
    ['x.web.default.svc.cluster.local', 'A', 'NXDOMAIN: '],
    ['default.svc.cluster.local', 'A', 'NOERROR: '],
    ['nope.svc.cluster.local', 'A', 'NXDOMAIN: '],
    ['svc.cluster.local', 'A', 'NOERROR: '],
    ['cluster.local', 'A', 'NOERROR: '],
    ['google.com.default.svc.cluster.local', 'A', 'NXDOMAIN: '],
    ['google.com.cluster.local', 'A', 'NXDOMAIN: '],
    ['db.default.svc.cluster.local', 'A', 'NOERROR: 10.244.0.1, 10.244.0.2'],
    ['db.default.svc.cluster.local', 'AAAA', 'NOERROR: '],
    ['db-0.db.default.svc.cluster.local', 'A', 'NOERROR: 10.244.0.1'],
    ['10-244-0-2.db.default.svc.cluster.local', 'A', 'NOERROR: 10.244.0.2'],
    ['10-244-0-3.db.default.svc.cluster.local', 'A', 'NXDOMAIN: '],
    ['empty.default.svc.cluster.local', 'A', 'NXDOMAIN: '],
    [
      '_http._tcp.web.default.svc.cluster.local',
      'SRV',
      'NOERROR: {"priority":0,"weight":100,"port":80,"target":"web.default.svc.cluster.local"}',
    ],
    [
      '_dns._udp.web.default.svc.cluster.local',
      'SRV',
      'NOERROR: {"priority":0,"weight":100,"port":53,"target":"web.default.svc.cluster.local"}',
    ],
    ['_dns._tcp.web.default.svc.cluster.local', 'SRV', 'NXDOMAIN: '],
    [
      '_http._tcp.db.default.svc.cluster.local',
      'SRV',
      'NOERROR: {"priority":0,"weight":50,"port":8080,"target":"db-0.db.default.svc.cluster.local"}, {"priority":0,"weight":50,"port":8080,"target":"10-244-0-2.db.default.svc.cluster.local"}',
    ],
    ['10-1-2-3.default.pod.cluster.local', 'A', 'NOERROR: 10.1.2.3'],
    ['10-1-2-3.default.pod.cluster.local', 'AAAA', 'NOERROR: '],
    ['10-1-2-300.default.pod.cluster.local', 'A', 'NXDOMAIN: '],
    ['10-1-2-3.nope.pod.cluster.local', 'A', 'NXDOMAIN: '],
    ['dns-version.cluster.local', 'TXT', 'NOERROR: 1.1.0'],
    ['5.0.96.10.in-addr.arpa', 'PTR', 'NOERROR: web.default.svc.cluster.local'],
    ['1.0.244.10.in-addr.arpa', 'PTR', 'NOERROR: db-0.db.default.svc.cluster.local'],
    [
      '5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.d.f.ip6.arpa',
      'PTR',
      'NOERROR: web.default.svc.cluster.local',
    ],
    ['8.8.8.8.in-addr.arpa', 'PTR', 'forward'],
    ['example.com', 'A', 'forward'],
    ['notcluster.local', 'A', 'forward'],
    ['out.default.svc.cluster.local', 'A', 'alias'],
  ])('answers %s %s with %s', (name, type, wanted) => expect(ask(name, type)).toBe(wanted));

  it('says how long it may be remembered that a name is not there', () => {
    const outcome = answerQuestion({name: 'nope.default.svc.cluster.local', type: 'A'}, records());
    expect(outcome).toMatchObject({
      authorities: [{type: 'SOA', name: 'cluster.local', ttl: 5, data: {minimum: 5}}],
    });
  });

  it('follows every change', () => {
    const made = records();
    const before = service('web', {clusterIP: '10.96.0.5', clusterIPs: ['10.96.0.5', 'fd00::5']});
    made.changeService(service('web', {clusterIP: '10.96.0.6', clusterIPs: ['10.96.0.6']}), before);
    expect(ask('web.default.svc.cluster.local', 'A', made)).toBe('NOERROR: 10.96.0.6');
    expect(ask('5.0.96.10.in-addr.arpa', 'PTR', made)).toBe('forward');
    made.changeSlice(undefined, slice('db-1', 'db', [{addresses: ['10.244.0.1']}]));
    expect(ask('db.default.svc.cluster.local', 'A', made)).toBe('NXDOMAIN: ');
  });
});

describe('the resolver', () => {
  const resolver = (from = records()) => new Resolver({view: from, upstreams: [], clock: realClock});
  const query = (name: string, type: RecordType, size?: number) =>
    encode({
      type: 'query',
      id: 7,
      flags: RECURSION_DESIRED,
      questions: [{name, type}],
      additionals:
        size === undefined
          ? []
          : [
              {
                type: 'OPT',
                name: '.',
                udpPayloadSize: size,
                extendedRcode: 0,
                ednsVersion: 0,
                flags: 0,
                flag_do: false,
                options: [],
              },
            ],
    });
  const resolve = async (bytes: Buffer, transport: 'udp' | 'tcp' = 'udp', from = records()) => {
    const answer = await resolver(from).resolve(bytes, transport);
    return answer === undefined
      ? undefined
      : {
          size: answer.length,
          code: (answer[3] ?? 0) & 15,
          truncated: ((answer[2] ?? 0) & 2) !== 0,
          authoritative: ((answer[2] ?? 0) & 4) !== 0,
          ...decode(answer),
        };
  };

  it('follows an ExternalName inside the cluster', async () =>
    expect((await resolve(query('out.default.svc.cluster.local', 'A')))?.answers).toMatchObject([
      {type: 'CNAME', data: 'web.default.svc.cluster.local'},
      {type: 'A', data: '10.96.0.5'},
    ]));

  it('says SERVFAIL when there is nobody to ask', async () =>
    expect(await resolve(query('example.com', 'A'))).toMatchObject({id: 7, code: 2}));

  it('survives what is no query', async () => {
    expect(await resolve(Buffer.from('nonsense'))).toBeUndefined();
    const broken = Buffer.concat([
      query('web.default.svc.cluster.local', 'A').subarray(0, 20),
      Buffer.from([0xff]),
    ]);
    expect((await resolve(broken))?.code).toBe(1);
  });

  it('cuts a long answer over UDP to what the asker takes, and gives all of it over TCP', async () => {
    const many = records();
    const endpoints = Array.from({length: 60}, (_, n) => ({addresses: [`10.244.1.${n + 1}`]}));
    many.changeSlice(slice('many', 'db', endpoints), undefined);
    const name = 'db.default.svc.cluster.local';
    const plain = await resolve(query(name, 'A'), 'udp', many);
    expect(plain).toMatchObject({truncated: true, answers: []});
    const wide = await resolve(query(name, 'A', 4096), 'udp', many);
    expect(wide?.size).toBeLessThanOrEqual(1232);
    const tcp = await resolve(query(name, 'A'), 'tcp', many);
    expect(tcp).toMatchObject({truncated: false, authoritative: true});
    expect(tcp?.answers).toHaveLength(62);
  });

  it('reads the name servers of the host', () =>
    expect(nameServers('# c\nsearch x\nnameserver 192.0.2.1\n  nameserver fe80::1%eth0\n')).toEqual([
      {address: '192.0.2.1', port: 53},
      {address: 'fe80::1', port: 53},
    ]));
});

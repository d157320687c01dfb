import {describe, expect, it} from 'vitest';
import type {Service} from '../../../src/lib/kubernetes.ts';
import {silent} from '../../../src/lib/log.ts';
import type {Flow} from '../../../src/proxy/conntrack/conntrack.ts';
import {UdpCleaner} from '../../../src/proxy/conntrack/udp-cleaner.ts';
import {createMetrics} from '../../../src/proxy/health/metrics.ts';
import {type EndpointText, service, slice} from './support/objects.ts';

const udp = (clusterIP: string) =>
  service('a/dns', {clusterIP, ports: [{name: 'u', protocol: 'UDP', port: 53}]});
const served = (ip: string) => [
  slice({service: 'a/dns', ports: [{name: 'u', protocol: 'UDP', port: 53}], endpoints: [{ip}]}),
];
const flow = (destination: string, answersFrom: string): Flow => {
  return {destination, port: 53, answersFrom, answersPort: 53};
};

/** A table of flows whose listing waits for `go`, and fails so many times. */
function start(tracked: Flow[], failures = 0) {
  let held: (() => void)[] = [];
  const deleted: string[] = [];
  const later = new Set<() => void>();
  let listings = 0;
  const cleaner = new UdpCleaner({
    family: 'IPv4',
    flows: {
      async list(_family, wanted) {
        await new Promise<void>((resolve) => held.push(resolve));
        if (++listings <= failures) throw new Error('no buffer space');
        return tracked.filter(wanted);
      },
      async delete(_family, {destination, answersFrom}) {
        deleted.push(`${destination} ${answersFrom}`);
        return 1;
      },
    },
    metrics: createMetrics(),
    clock: {
      now: () => 0,
      monotonic: () => 0,
      after(_ms, fn) {
        later.add(fn);
        return () => void later.delete(fn);
      },
    },
    log: silent,
  });
  return {
    cleaner,
    deleted,
    async go() {
      for (const one of held.splice(0)) one();
      held = [];
      await new Promise((resolve) => setImmediate(resolve));
    },
    /** Whatever waits for its time has waited long enough. */
    pass() {
      for (const fn of [...later]) if (later.delete(fn)) fn();
    },
    get waits() {
      return later.size;
    },
  };
}

describe('flows of UDP', () => {
  it('are ended once the rules that end them are committed, however long the look before takes', async () => {
    const {cleaner, deleted, go} = start([flow('10.96.0.10', '10.0.0.1')]);
    cleaner.note('a/dns', udp('10.96.0.10'), served('10.0.0.1'));
    cleaner.clean();
    // Noted while the first look still lasts, and not committed yet.
    cleaner.note('a/dns', udp('10.96.0.10'), served('10.0.0.2'));
    await go();
    await go();
    expect(deleted).toEqual([]);
    cleaner.clean();
    await go();
    expect(deleted).toEqual(['10.96.0.10 10.0.0.1']);
  });

  it('are not judged by what is only noted, in a look that begins meanwhile', async () => {
    const {cleaner, deleted, go} = start([flow('10.96.0.10', '10.0.0.1')]);
    cleaner.note('a/dns', udp('10.96.0.10'), served('10.0.0.9'));
    cleaner.clean();
    cleaner.note('a/dns', udp('10.96.0.10'), served('10.0.0.1'));
    cleaner.clean();
    cleaner.note('a/dns', udp('10.96.0.10'), served('10.0.0.2'));
    // The first look ends, and the second begins.
    await go();
    deleted.length = 0;
    await go();
    expect(deleted).toEqual([]);
  });

  it('of an address that was given up are ended, whatever came after it', async () => {
    const {cleaner, deleted, go} = start([flow('10.96.0.10', '10.0.0.1'), flow('10.96.0.20', '10.0.0.1')]);
    cleaner.note('a/dns', udp('10.96.0.10'), served('10.0.0.1'));
    cleaner.clean();
    await go();
    cleaner.note('a/dns', undefined, []);
    cleaner.note('a/dns', udp('10.96.0.20'), served('10.0.0.1'));
    cleaner.clean();
    await go();
    expect(deleted).toEqual(['10.96.0.10 10.0.0.1']);
  });

  it('through an address that two Services claim stay when either may answer', async () => {
    const claim = (key: string, endpoints: readonly EndpointText[]): Parameters<UdpCleaner['note']> => {
      const ports = [{name: 'u', protocol: 'UDP', port: 53}];
      return [
        key,
        service(key, {clusterIP: '10.96.0.10', externalIPs: ['192.0.2.1'], ports}),
        [slice({service: key, ports, endpoints})],
      ];
    };
    const {cleaner, deleted, go} = start(['1', '2', '3'].map((last) => flow('192.0.2.1', `10.0.0.${last}`)));
    cleaner.note(...claim('b/next', [{ip: '10.0.0.2'}]));
    cleaner.note(...claim('a/web', [{ip: '10.0.0.1'}]));
    cleaner.clean();
    await go();
    expect(deleted).toEqual(['192.0.2.1 10.0.0.3']);
    cleaner.note(...claim('a/web', []));
    cleaner.clean();
    await go();
    expect(deleted).toEqual(['192.0.2.1 10.0.0.3', '192.0.2.1 10.0.0.1', '192.0.2.1 10.0.0.3']);
  });

  type State = {spec?: Service['spec']; endpoints?: readonly EndpointText[]; port?: number};
  const stated = ({spec, endpoints = [], port = 53}: State): Parameters<UdpCleaner['note']> => {
    const type = {type: 'LoadBalancer', clusterIP: '10.96.0.10', externalIPs: ['192.0.2.1']};
    const ports = [{name: 'u', protocol: 'UDP', port: 53, nodePort: 30_053}];
    const object = service('a/dns', {...type, ports, ...spec}, [{ip: '198.51.100.1'}]);
    return [
      'a/dns',
      object,
      [slice({service: 'a/dns', ports: [{name: 'u', protocol: 'UDP', port}], endpoints})],
    ];
  };
  const [one, two] = [
    {ip: '10.0.0.1', node: 'here'},
    {ip: '10.0.0.2', node: 'there'},
  ];
  const ways: readonly (readonly [string, number])[] = [
    ['10.96.0.10', 53],
    ['192.0.2.1', 53],
    ['198.51.100.1', 53],
    ['172.16.0.1', 30_053],
  ];

  /** pkg/proxy/conntrack/cleanup_test.go, endpointschangetracker_test.go, and test/e2e/network/conntrack.go. */
  it.each<[string, State, string, State, boolean]>([
    ['a pod is replaced', {endpoints: [one]}, '10.0.0.1', {endpoints: [two]}, true],
    ['a pod comes beside it', {endpoints: [one]}, '10.0.0.1', {endpoints: [one, two]}, false],
    ['its pod is gone, and no other is there', {endpoints: [one]}, '10.0.0.1', {endpoints: []}, true],
    ['nobody was ready when it began', {endpoints: []}, '', {endpoints: [one]}, true],
    ['its pod got ready', {endpoints: [{...one, serving: false}]}, '10.0.0.1', {endpoints: [one]}, false],
    [
      'its pod ends and still serves',
      {endpoints: [one, two]},
      '10.0.0.1',
      {endpoints: [{...one, ready: false, serving: true, terminating: true}, two]},
      false,
    ],
    [
      'its pod ends and serves no more',
      {endpoints: [one, two]},
      '10.0.0.1',
      {endpoints: [{...one, ready: false, serving: false, terminating: true}, two]},
      true,
    ],
    [
      'its pod is published though it is not ready, and another is gone',
      {endpoints: [{...one, ready: true, serving: false}, two]},
      '10.0.0.1',
      {endpoints: [{...one, ready: true, serving: false}]},
      false,
    ],
    ['the target port changes', {endpoints: [one]}, '10.0.0.1', {endpoints: [one], port: 5353}, true],
    [
      'policies become Local, and its pod is elsewhere',
      {endpoints: [one, two]},
      '10.0.0.2',
      {
        endpoints: [one, two],
        spec: {internalTrafficPolicy: 'Local', externalTrafficPolicy: 'Local'},
      },
      false,
    ],
    [
      'hints send others elsewhere',
      {endpoints: [one, two]},
      '10.0.0.2',
      {
        endpoints: [
          {...one, nodes: ['here']},
          {...two, nodes: ['there']},
        ],
      },
      false,
    ],
    [
      'the Service becomes an ExternalName',
      {endpoints: [one]},
      '10.0.0.1',
      {endpoints: [one], spec: {type: 'ExternalName', clusterIP: ''}},
      true,
    ],
    [
      'the port is TCP now',
      {endpoints: [one]},
      '10.0.0.1',
      {endpoints: [one], spec: {ports: [{name: 'u', protocol: 'TCP', port: 53}]}},
      true,
    ],
  ])('when %s', async (_what, before, answersFrom, after, isEnded) => {
    const flows = ways.map(([destination, port]) => ({
      ...flow(destination, answersFrom === '' ? destination : answersFrom),
      port,
    }));
    const {cleaner, deleted, go} = start([...flows, flow('8.8.8.8', '8.8.8.8')]);
    cleaner.note(...stated(before));
    cleaner.clean();
    await go();
    deleted.length = 0;
    cleaner.note(...stated(after));
    cleaner.clean();
    await go();
    expect(deleted).toEqual(
      isEnded ? flows.map(({destination, answersFrom: from}) => `${destination} ${from}`) : [],
    );
  });

  it('of a way in that is taken away are ended, of the others not', async () => {
    const flows = ways.map(([destination, port]) => ({...flow(destination, '10.0.0.1'), port}));
    const {cleaner, deleted, go} = start(flows);
    cleaner.note(...stated({endpoints: [one]}));
    cleaner.clean();
    await go();
    const ports = [{name: 'u', protocol: 'UDP', port: 53}];
    cleaner.note(...stated({endpoints: [one], spec: {type: 'ClusterIP', ports}}));
    cleaner.clean();
    await go();
    expect(deleted).toEqual(['172.16.0.1 10.0.0.1']);
  });

  it('are ended later where they could not be listed, by what is true then', async () => {
    const tracked = [flow('10.96.0.10', '10.0.0.1'), flow('10.96.0.10', '10.0.0.2')];
    const {cleaner, deleted, go, pass} = start(tracked, 2);
    cleaner.note('a/dns', udp('10.96.0.10'), served('10.0.0.2'));
    cleaner.clean();
    await go();
    pass();
    await go();
    expect(deleted).toEqual([]);
    cleaner.note('a/dns', udp('10.96.0.20'), served('10.0.0.2'));
    cleaner.clean();
    await go();
    expect(deleted).toEqual(['10.96.0.10 10.0.0.1', '10.96.0.10 10.0.0.2']);
  });

  it('wait for nothing at the end', async () => {
    const tables = start([flow('10.96.0.10', '10.0.0.1')], 1);
    tables.cleaner.note('a/dns', udp('10.96.0.10'), served('10.0.0.2'));
    tables.cleaner.clean();
    await tables.go();
    expect(tables.waits).toBe(1);
    await tables.cleaner.stop();
    expect(tables.waits).toBe(0);
  });
});

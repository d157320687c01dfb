import {describe, expect, it} from 'vitest';
import {parseFlow} from '../../../src/edges/network/conntrack.ts';
import {commitInMs} from '../../../src/proxy/batch.ts';
import {closed, signature, staleAmong, udpFrontends} from '../../../src/proxy/conntrack/conntrack.ts';
import {ProxyHealth} from '../../../src/proxy/health/health.ts';
import {needsWriting, wantedSysctls} from '../../../src/proxy/sysctls.ts';
import {service, slice} from './support/objects.ts';

describe('when to commit', () => {
  const facts = {nowMs: 1000, lastEndMs: 900, lastTookMs: 1, maxWaitMs: 1000};
  it('an idle proxy at once', () => {
    expect(commitInMs(facts)).toBe(0);
    expect(commitInMs({...facts, lastEndMs: undefined})).toBe(0);
  });
  it('under churn after 5 to 20 ms, twice what a commit takes', () => {
    expect(commitInMs({...facts, lastEndMs: 1000})).toBe(5);
    expect(commitInMs({...facts, lastEndMs: 1000, lastTookMs: 6})).toBe(12);
    expect(commitInMs({...facts, lastEndMs: 1000, lastTookMs: 500})).toBe(20);
    expect(commitInMs({...facts, lastEndMs: 997})).toBe(2);
  });
  it('never later than minSyncPeriod', () => {
    expect(commitInMs({...facts, lastEndMs: 1000, lastTookMs: 500, maxWaitMs: 3})).toBe(3);
  });
});

/** pkg/proxy/conntrack/cleanup_test.go by meaning, and what 1.36 gets wrong: a Service without endpoints. */
describe('UDP flows', () => {
  const dns = service('a/dns', {
    type: 'LoadBalancer',
    clusterIP: '10.96.0.10',
    externalIPs: ['192.0.2.1'],
    ports: [
      {name: 'u', protocol: 'UDP', port: 53, nodePort: 30_053},
      {name: 't', protocol: 'TCP', port: 53},
      {name: 's', protocol: 'SCTP', port: 53, nodePort: 30_053},
    ],
  });
  dns.status = {loadBalancer: {ingress: [{ip: '198.51.100.1'}]}};
  const endpoints = (...ips: string[]) => [
    slice({
      service: 'a/dns',
      ports: [
        {name: 'u', protocol: 'UDP', port: 5353},
        {name: 't', protocol: 'TCP', port: 5300},
      ],
      endpoints: [...ips.map((ip) => ({ip})), {ip: '10.0.0.8', ready: false, serving: false}],
    }),
  ];
  const flow = (destination: string, port: number, answersFrom: string, answersPort = 5353) => {
    return {destination, port, answersFrom, answersPort};
  };
  const stale = (...ips: string[]) => staleAmong(udpFrontends(dns, endpoints(...ips), 'IPv4'));
  const every = ['10.96.0.10', '192.0.2.1', '198.51.100.1'];

  it.each([
    ['an endpoint that serves', '10.0.0.1', 5353, false],
    ['an endpoint that serves on another port now', '10.0.0.1', 9090, true],
    ['an endpoint that does not serve', '10.0.0.8', 5353, true],
    ['an endpoint that is gone', '10.0.0.9', 5353, true],
  ])('that %s answers', (_what, ip, port, expected) => {
    for (const address of every) {
      expect(stale('10.0.0.1')(flow(address, 53, ip, port))).toBe(expected);
      expect(stale('10.0.0.1')(flow(address, 3000, ip, port))).toBe(false);
    }
    expect(stale('10.0.0.1')(flow('172.16.0.1', 30_053, ip, port))).toBe(expected);
  });

  it('that were never translated are stale, those of others are not', () => {
    for (const address of every) expect(stale('10.0.0.1')(flow(address, 53, address, 53))).toBe(true);
    expect(stale('10.0.0.1')(flow('8.8.8.8', 53, '8.8.8.8', 53))).toBe(false);
  });

  it('of a Service without endpoints are all stale', () => {
    expect(stale()(flow('10.96.0.10', 53, '10.0.0.1'))).toBe(true);
  });

  it('of a Service that is gone are all stale', () => {
    const before = udpFrontends(dns, endpoints('10.0.0.1'), 'IPv4');
    expect(staleAmong(closed(before, []))(flow('10.96.0.10', 53, '10.0.0.1'))).toBe(true);
  });

  it('are not looked at when who may answer is the same', () => {
    const one = udpFrontends(dns, endpoints('10.0.0.1', '10.0.0.2'), 'IPv4');
    const two = udpFrontends(dns, endpoints('10.0.0.2', '10.0.0.1'), 'IPv4');
    expect(signature(one)).toBe(signature(two));
    expect(signature(one)).not.toBe(signature(udpFrontends(dns, endpoints('10.0.0.1'), 'IPv4')));
  });

  it.each([
    [
      'udp      17 117 src=10.64.9.9 dst=10.96.0.10 sport=40000 dport=53 [UNREPLIED] src=10.0.0.1 dst=10.64.9.9 sport=5353 dport=40000 mark=0 use=1',
      flow('10.96.0.10', 53, '10.0.0.1'),
    ],
    [
      'udp      17 29 src=fd64::9 dst=fd97::a sport=40000 dport=53 src=fd64::1 dst=fd64::9 sport=5353 dport=40000 [ASSURED] mark=0 use=1',
      flow('fd97::a', 53, 'fd64::1'),
    ],
    ['conntrack v1.4.7 (conntrack-tools): 1 flow entries have been shown.', undefined],
  ])('are read from conntrack', (line, expected) => {
    expect(parseFlow(line)).toEqual(expected);
  });
});

describe('health', () => {
  it('is good at the start, while a change is young, and after its commit; bad when it waits too long', () => {
    let now = 1_000_000;
    const health = new ProxyHealth(60_000, () => now);
    expect(health.live().healthy).toBe(true);
    health.updated('IPv4');
    health.updated('IPv6');
    health.queued('IPv4');
    now += 59_999;
    health.queued('IPv4');
    expect(health.live().healthy).toBe(true);
    now += 1;
    expect(health.live()).toMatchObject({
      healthy: false,
      document: {
        lastUpdated: new Date(1_000_000).toISOString(),
        healthy: false,
        status: {IPv4: {healthy: false}, IPv6: {healthy: true}},
      },
    });
    health.updated('IPv4');
    expect(health.live()).toMatchObject({
      healthy: true,
      document: {lastUpdated: new Date(now).toISOString()},
    });
  });

  it('is good and says who serves while another proxy does, and nothing is late then', () => {
    let now = 0;
    const health = new ProxyHealth(60_000, () => now);
    health.updated('IPv4');
    health.queued('IPv4');
    health.standDown('kube-proxy (process 7)');
    now += 100_000;
    expect(health.ready(true)).toMatchObject({
      healthy: true,
      document: {code: 'ND738', servedBy: 'kube-proxy (process 7)'},
    });
    health.standDown(undefined);
    expect(health.live().document).not.toHaveProperty('servedBy');
  });

  it('of the node counts for /healthz alone', () => {
    const health = new ProxyHealth(60_000, () => 0);
    expect(health.ready(false)).toMatchObject({
      healthy: false,
      document: {nodeEligible: false, healthy: true},
    });
    expect(health.live().document).not.toHaveProperty('nodeEligible');
  });
});

describe('sysctls', () => {
  const conntrack = {
    maxPerCore: 32_768,
    min: 131_072,
    tcpEstablishedTimeout: 86_400_000,
    tcpCloseWaitTimeout: 3_600_000,
    tcpBeLiberal: false,
    udpTimeout: 0,
    udpStreamTimeout: 0,
  };
  /** TestGetConntrackMax: the bound is for what grows with the cores, not for what was asked for. */
  const max = (cpus: number, more: Partial<typeof conntrack> = {}) =>
    wantedSysctls({...conntrack, ...more}, cpus, ['IPv4']).find((one) => one.key.endsWith('_max'))?.value;

  it('bound the connection table by cores, a least and a most', () => {
    expect([max(2), max(8), max(64), max(2, {maxPerCore: 0})]).toEqual([
      131_072,
      262_144,
      1_048_576,
      undefined,
    ]);
    expect([
      max(2, {min: 2_000_000}),
      max(64, {min: 2_000_000}),
      max(4, {maxPerCore: 1, min: 123_456}),
    ]).toEqual([2_000_000, 1_048_576, 123_456]);
  });

  it('are written when they differ, and a lower bound only when it is not met', () => {
    expect(needsWriting({key: 'k', value: 5}, '5')).toBe(false);
    expect(needsWriting({key: 'k', value: 5}, '7')).toBe(true);
    expect(needsWriting({key: 'k', value: 5, atLeast: true}, '7')).toBe(false);
    expect(needsWriting({key: 'k', value: 5, atLeast: true}, '4')).toBe(true);
  });
});

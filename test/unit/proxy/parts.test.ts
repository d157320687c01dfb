import {describe, expect, it} from 'vitest';
import {parseFlow} from '../../../src/edges/network/conntrack.ts';
import {commitInMs} from '../../../src/proxy/batch.ts';
import {closed, signature, staleFlows, udpFrontends} from '../../../src/proxy/conntrack/conntrack.ts';
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

describe('UDP flows', () => {
  const dns = service('a/dns', {
    type: 'NodePort',
    clusterIP: '10.96.0.10',
    externalIPs: ['192.0.2.1'],
    ports: [
      {name: 'u', protocol: 'UDP', port: 53, nodePort: 30_053},
      {name: 't', protocol: 'TCP', port: 53},
    ],
  });
  const endpoints = (...ips: string[]) => [
    slice({
      service: 'a/dns',
      ports: [{name: 'u', protocol: 'UDP', port: 53}],
      endpoints: ips.map((ip) => ({ip})),
    }),
  ];
  const flow = (destination: string, port: number, answersFrom: string) => ({destination, port, answersFrom});

  it('are stale when nobody who serves answers, by any address or node port', () => {
    const frontends = udpFrontends(dns, endpoints('10.0.0.1'), 'IPv4');
    const kept = [
      flow('10.96.0.10', 53, '10.0.0.1'),
      flow('172.16.0.1', 30_053, '10.0.0.1'),
      flow('8.8.8.8', 53, '8.8.8.8'),
    ];
    const stale = [
      flow('10.96.0.10', 53, '10.0.0.2'),
      flow('192.0.2.1', 53, '192.0.2.1'),
      flow('172.16.0.1', 30_053, '10.0.0.2'),
    ];
    expect(staleFlows([...kept, ...stale, ...stale], frontends)).toEqual(stale);
  });

  it('of a Service without endpoints are all stale', () => {
    const frontends = udpFrontends(dns, endpoints(), 'IPv4');
    expect(staleFlows([flow('10.96.0.10', 53, '10.0.0.1')], frontends)).toHaveLength(1);
  });

  it('of a Service that is gone are all stale', () => {
    const before = udpFrontends(dns, endpoints('10.0.0.1'), 'IPv4');
    expect(staleFlows([flow('10.96.0.10', 53, '10.0.0.1')], closed(before, []))).toHaveLength(1);
  });

  it('are not looked at when who may answer is the same', () => {
    const one = udpFrontends(dns, endpoints('10.0.0.1', '10.0.0.2'), 'IPv4');
    const two = udpFrontends(dns, endpoints('10.0.0.2', '10.0.0.1'), 'IPv4');
    expect(signature(one)).toBe(signature(two));
    expect(signature(one)).not.toBe(signature(udpFrontends(dns, endpoints('10.0.0.1'), 'IPv4')));
  });

  it('are read from conntrack', () => {
    const line =
      'udp      17 117 src=10.64.9.9 dst=10.96.0.10 sport=40000 dport=53 [UNREPLIED] src=10.0.0.1 dst=10.64.9.9 sport=5353 dport=40000 mark=0 use=1';
    expect(parseFlow(line)).toEqual(flow('10.96.0.10', 53, '10.0.0.1'));
    expect(parseFlow('conntrack v1.4.7: 1 flow entries have been shown.')).toBeUndefined();
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
  const max = (cpus: number, more: Partial<typeof conntrack> = {}) =>
    wantedSysctls({...conntrack, ...more}, cpus, ['IPv4']).find((one) => one.key.endsWith('_max'))?.value;

  it('bound the connection table by cores, a least and a most', () => {
    expect([max(2), max(8), max(64), max(2, {maxPerCore: 0})]).toEqual([
      131_072,
      262_144,
      1_048_576,
      undefined,
    ]);
  });

  it('are written when they differ, and a lower bound only when it is not met', () => {
    expect(needsWriting({key: 'k', value: 5}, '5')).toBe(false);
    expect(needsWriting({key: 'k', value: 5}, '7')).toBe(true);
    expect(needsWriting({key: 'k', value: 5, atLeast: true}, '7')).toBe(false);
    expect(needsWriting({key: 'k', value: 5, atLeast: true}, '4')).toBe(true);
  });
});

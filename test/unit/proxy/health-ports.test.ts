import {beforeEach, describe, expect, it} from 'vitest';
import {silent} from '../../../src/lib/log.ts';
import {type Answer, HealthPorts} from '../../../src/proxy/health/health-ports.ts';
import type {ServiceSource} from '../../../src/proxy/table/family-table.ts';
import {type EndpointText, service, slice} from './support/objects.ts';

/** Who listens, and what is due to be tried again. */
let open: Map<string, () => Answer>;
let taken: Set<string>;
let timers: (() => void)[];
let failures: string[];
let healthy: boolean;
let ports: HealthPorts;

beforeEach(() => {
  [open, taken, timers, failures, healthy] = [new Map(), new Set(), [], [], true];
  ports = new HealthPorts({
    family: 'IPv4',
    nodeName: 'here',
    async listen(host, port, answer) {
      const at = `${host}:${port}`;
      if (taken.has(at)) throw new Error(`${at} is taken`);
      taken.add(at);
      open.set(at, answer);
      return {
        async close() {
          taken.delete(at);
          open.delete(at);
        },
      };
    },
    hosts: () => ['0.0.0.0'],
    proxyHealthy: () => healthy,
    clock: {
      now: () => 0,
      monotonic: () => 0,
      after(_ms, fn) {
        timers.push(fn);
        return () => {
          timers = timers.filter((timer) => timer !== fn);
        };
      },
    },
    log: silent,
    onFailed: (_service, message) => failures.push(message),
  });
});

const here = {node: 'here'};
const many = (count: number): EndpointText[] =>
  Array.from({length: count}, (_, i) => ({ip: `10.0.0.${i + 1}`, ...here}));

function source(key: string, port: number, endpoints: readonly EndpointText[] = []): ServiceSource {
  const spec = {
    type: 'LoadBalancer',
    clusterIP: '10.96.0.1',
    externalTrafficPolicy: 'Local',
    healthCheckNodePort: port,
    ports: [
      {name: 'a', port: 80},
      {name: 'b', port: 443},
    ],
  };
  const targets = [
    {name: 'a', port: 8080},
    {name: 'b', port: 8443},
  ];
  return {service: service(key, spec), slices: [slice({service: key, ports: targets, endpoints})]};
}

const gone: ServiceSource = {service: undefined, slices: []};

async function sync(sources: Readonly<Record<string, ServiceSource>>): Promise<void> {
  ports.sync(new Map(Object.entries(sources)));
  await settled();
}

/** Everything here is done in microtasks. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function ask(port: number): {code: number; weight: string; body: unknown} | undefined {
  const answer = open.get(`0.0.0.0:${port}`)?.();
  if (answer === undefined) return undefined;
  const {code, headers, body} = answer;
  return {code, weight: headers['X-Load-Balancing-Endpoint-Weight'] ?? '', body: JSON.parse(body)};
}

const said = (code: number, name: string, localEndpoints: number, serviceProxyHealthy = true) => ({
  code,
  weight: String(localEndpoints),
  body: {service: {namespace: 'a', name}, localEndpoints, serviceProxyHealthy},
});

/** pkg/proxy/healthcheck/healthcheck_test.go, TestServer; nftables/proxier_test.go, TestHealthCheckNodePortWhenTerminating. */
describe('health check node ports', () => {
  it('tell how many ready endpoints this node has, by address', async () => {
    await sync({'a/b': source('a/b', 9376)});
    expect(ask(9376)).toEqual(said(503, 'b', 0));
    await sync({'a/b': source('a/b', 9376, [...many(18), {ip: '10.0.1.1', node: 'there'}])});
    expect(ask(9376)).toEqual(said(200, 'b', 18));
    await sync({'a/b': source('a/b', 9376, [])});
    expect(ask(9376)).toEqual(said(503, 'b', 0));
  });

  it('do not count who terminates or is not ready', async () => {
    const endpoints = [
      {ip: '10.0.0.1', ...here, ready: false, serving: true, terminating: true},
      {ip: '10.0.0.2', ...here, ready: false, serving: true},
      {ip: '10.0.0.3', ...here, ready: false, serving: false, terminating: true},
    ];
    await sync({'a/b': source('a/b', 9376, endpoints)});
    expect(ask(9376)).toEqual(said(503, 'b', 0));
  });

  it('follow Services that come, change their port and go', async () => {
    await sync({
      'a/b': source('a/b', 9376, many(9)),
      'a/c': source('a/c', 12_909, many(3)),
      'a/d': source('a/d', 11_113, many(7)),
    });
    expect([...open.keys()].sort()).toEqual(['0.0.0.0:11113', '0.0.0.0:12909', '0.0.0.0:9376']);
    await sync({
      'a/b': gone,
      'a/d': source('a/d', 11_114, many(7)),
      'a/e': source('a/e', 11_113, many(6)),
    });
    expect(ask(9376)).toBeUndefined();
    expect(ask(12_909)).toEqual(said(200, 'c', 3));
    expect(ask(11_114)).toEqual(said(200, 'd', 7));
    expect(ask(11_113)).toEqual(said(200, 'e', 6));
    await ports.stop();
    expect(open.size).toBe(0);
  });

  it('go from one Service to another in one round, whichever of them is seen first', async () => {
    await sync({'a/d': source('a/d', 11_113, many(7))});
    await sync({'a/c': source('a/c', 11_113, many(6)), 'a/d': gone});
    expect(ask(11_113)).toEqual(said(200, 'c', 6));
    await sync({'a/b': source('a/b', 11_113, many(1)), 'a/c': source('a/c', 0)});
    expect(ask(11_113)).toEqual(said(200, 'b', 1));
    expect(failures).toEqual([]);
  });

  it('close with another traffic policy or type, and open again with the port that is given then', async () => {
    const spec = (more: object): ServiceSource => {
      const {service: lb, slices} = source('a/b', 9376, many(2));
      return {service: lb && {...lb, spec: {...lb.spec, ...more}}, slices};
    };
    await sync({'a/b': spec({})});
    expect(ask(9376)).toEqual(said(200, 'b', 2));
    await sync({'a/b': spec({externalTrafficPolicy: 'Cluster', healthCheckNodePort: undefined})});
    expect([...open.keys()]).toEqual([]);
    await sync({'a/b': spec({healthCheckNodePort: 9377})});
    expect(ask(9377)).toEqual(said(200, 'b', 2));
    await sync({'a/b': spec({type: 'NodePort', healthCheckNodePort: 9377})});
    expect([...open.keys()]).toEqual([]);
    await sync({'a/b': spec({type: 'ExternalName', externalName: 'x.y'})});
    expect([...open.keys()]).toEqual([]);
  });

  it('are not healthy while the proxy is not', async () => {
    await sync({'a/b': source('a/b', 9376, many(2))});
    healthy = false;
    expect(ask(9376)).toEqual(said(503, 'b', 2, false));
    healthy = true;
    expect(ask(9376)).toEqual(said(200, 'b', 2));
  });

  it('that somebody else still has are tried again until they are free, and that is said once', async () => {
    taken.add('0.0.0.0:9376');
    await sync({'a/b': source('a/b', 9376, many(1))});
    for (let i = 0; i < 3; i++) {
      expect(timers).toHaveLength(1);
      timers.shift()?.();
      await settled();
    }
    expect(failures).toEqual(['node here failed to start healthcheck on port 9376: 0.0.0.0:9376 is taken']);
    taken.clear();
    timers.shift()?.();
    await settled();
    expect(ask(9376)).toEqual(said(200, 'b', 1));
    expect(timers).toEqual([]);
  });

  it('are not tried again for a Service that is gone', async () => {
    taken.add('0.0.0.0:9376');
    await sync({'a/b': source('a/b', 9376)});
    await sync({'a/b': gone});
    expect(timers).toEqual([]);
  });
});

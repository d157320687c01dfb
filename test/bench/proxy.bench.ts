import type {StubApi} from '../integration/proxy/running.ts';
import {type Figures, type Load, measure, type Subject} from './proxy/measure.ts';
import {milliseconds, quantile, type Table} from './table.ts';

/** SERVICES=100,10000 npm run bench proxy; 30000x50 and 1x5000 are sizes as well. */
const sizes = (process.env.SERVICES ?? '100,1000,10000').split(',');

/**
 * The proxy from the sources, the binary where NODECTL names it, and kube-proxy where KUBE_PROXY names it: the same
 * configuration, the same API, each in a namespace of its own, one after the other.
 */
function subjects(): Subject[] {
  const {NODECTL, KUBE_PROXY} = process.env;
  const own = {idleChanges: 60, churnSeconds: 5, kernel: ['nodectl-proxy', 'services']} as const;
  return [
    ...(NODECTL === undefined ? [{name: 'sources', program: undefined, ...own}] : []),
    ...(NODECTL === undefined ? [] : [{name: 'nodectl', program: [NODECTL, 'proxy', '--config'], ...own}]),
    ...(KUBE_PROXY === undefined
      ? []
      : [
          {
            name: 'kube-proxy',
            program: [KUBE_PROXY, '--config'],
            idleChanges: 12,
            churnSeconds: 3,
            kernel: ['kube-proxy', 'service-ips'] as const,
          },
        ]),
  ];
}

function services(count: number, endpoints: number): Load {
  return {
    name: `${count} × ${endpoints}`,
    last: `10.98.${(count - 1) >> 8}.${(count - 1) & 255}`,
    fill: (api) => api.fill(count, endpoints),
    change: (n, address) => {
      const i = n % count;
      const kept = Array.from({length: endpoints - 1}, (_, e) => `10.${129 + e}.${i >> 8}.${i & 255}`);
      return slice(`ns-${i % 50}`, `svc-${i}`, 'abcde', [...kept, address]);
    },
  };
}

/** One Service of very many endpoints, a hundred in each slice. */
function oneService(endpoints: number): Load {
  const ips = (n: number) => Array.from({length: 100}, (_, e) => `10.130.${n}.${e}`);
  const slices = endpoints / 100;
  return {
    name: `1 × ${endpoints}`,
    last: '10.98.0.0',
    async fill(api: StubApi) {
      await api.fill(1, 1);
      for (let n = 1; n < slices; n++)
        await api.put('endpointslices', slice('ns-0', 'svc-0', `s${n}`, ips(n)));
    },
    change: (n, address) => {
      const at = 1 + (n % (slices - 1));
      return slice('ns-0', 'svc-0', `s${at}`, [...ips(at).slice(1), address]);
    },
  };
}

function slice(namespace: string, service: string, suffix: string, ips: readonly string[]): object {
  return {
    metadata: {
      namespace,
      name: `${service}-${suffix}`,
      uid: `slice-${service}-${suffix}`,
      labels: {'kubernetes.io/service-name': service},
    },
    addressType: 'IPv4',
    ports: [{name: 'http', protocol: 'TCP', port: 8080}],
    endpoints: ips.map((ip) => ({addresses: [ip], conditions: {ready: true}})),
  };
}

function loadOf(size: string): Load {
  const [count = 0, endpoints = 2] = size.split('x').map(Number);
  return count === 1 ? oneService(endpoints) : services(count, endpoints);
}

function row(load: Load, subject: Subject, f: Figures): string[] {
  const both = (samples: readonly number[]) =>
    [quantile(samples, 0.5), quantile(samples, 0.99)].map(milliseconds);
  return [
    load.name,
    subject.name,
    ...both(f.idle),
    ...both(f.churn),
    f.idleCpuMs.toFixed(1),
    f.churnCpuMs.toFixed(1),
    milliseconds(f.firstSyncMs),
    milliseconds(f.fromStartMs),
    milliseconds(f.fromStartCpuMs),
    f.restMB.toFixed(0),
    f.peakMB.toFixed(0),
  ];
}

/** A change of one Service, from the API's write to the kernel's event. */
export default async function proxy(): Promise<Table[]> {
  const rows: string[][] = [];
  for (const load of sizes.map(loadOf))
    for (const subject of subjects()) rows.push(row(load, subject, await measure(subject, load)));
  return [
    {
      title: 'Service change → kernel',
      columns: [
        'services × endpoints',
        'proxy',
        'idle p50 ms',
        'p99 ms',
        '100/s p50 ms',
        'p99 ms',
        'CPU ms/change',
        'at 100/s',
        'first commit ms',
        'from start ms',
        'CPU ms',
        'RSS MB',
        'peak MB',
      ],
      rows,
      notes: ['CPU and memory are those of the proxy with its children.'],
    },
  ];
}

import {copyFileSync, existsSync, mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {smallHeap} from '../../src/bootstrap/learn/node-files.ts';
import type {StubApi} from '../integration/proxy/support/running.ts';
import {type Bare, measureBare} from './proxy/bare.ts';
import {type Figures, type Load, measure, type Subject} from './proxy/measure.ts';
import {measureRaw} from './proxy/raw-nft.ts';
import {milliseconds, quantile, type Table} from './table.ts';

/**
 * `npm run bench proxy -- services=100,1000,10000 kube-proxy=PATH`; 30000x50 and 1x5000 are sizes as well. What is not
 * said here can be said in the environment: SERVICES, KUBE_PROXY, NODECTL (`sources` for the proxy without a build).
 */
function setting(name: string, fallback: string): string {
  const word = process.argv.find((argument) => argument.startsWith(`${name}=`));
  return word?.slice(name.length + 1) ?? process.env[name.toUpperCase().replace('-', '_')] ?? fallback;
}

const built = join(import.meta.dirname, '../../dist/nodectl');
const sizes = setting('services', '1000,10000').split(',');
const nodectl = setting('nodectl', existsSync(built) ? built : 'sources');
const kubeProxy = setting('kube-proxy', '');
/** A whole iptables table of more takes longer than anybody waits for a table of figures. */
const mostForIptables = Number(setting('iptables', '1000'));

/**
 * nodectl's proxy in both modes, and kube-proxy where it is named: the same configuration, the same API, each in a
 * namespace of its own, one after the other.
 */
function subjects({services, endpoints}: Load, binary: string): Subject[] {
  const program = nodectl === 'sources' ? undefined : [binary, 'proxy', '--config'];
  const own = {program, env: smallHeap, repairs: true, idleChanges: 60, churnSeconds: 5};
  const table = ['nodectl-proxy', 'services'] as const;
  return [
    {name: 'nodectl', mode: 'nftables', kernel: table, ...own},
    ...(services * endpoints > mostForIptables * 2
      ? []
      : [{name: 'nodectl iptables', mode: 'iptables', kernel: undefined, ...own} as const]),
    ...(kubeProxy === ''
      ? []
      : [
          {
            name: 'kube-proxy',
            mode: 'nftables',
            repairs: false,
            program: [kubeProxy, '--config'],
            idleChanges: 12,
            churnSeconds: 3,
            kernel: ['kube-proxy', 'service-ips'],
          } as const,
        ]),
  ];
}

function services(count: number, endpoints: number): Load {
  return {
    name: `${count} × ${endpoints}`,
    services: count,
    endpoints,
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
    services: 1,
    endpoints,
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

function slice(namespace: string, service: string, suffix: string, ips: readonly string[]) {
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

function row(load: Load, name: string, f: Figures): string[] {
  const both = (samples: readonly number[]) =>
    [quantile(samples, 0.5), quantile(samples, 0.99)].map(milliseconds);
  const cells = [
    load.name,
    name,
    ...both(f.idle),
    ...both(f.churn),
    f.idleCpuMs.toFixed(1),
    f.churnCpuMs.toFixed(1),
    milliseconds(f.afterSyncMs),
    milliseconds(f.fromStartMs),
    milliseconds(f.fromStartCpuMs),
    f.restMB.toFixed(0),
    f.fileMB.toFixed(0),
    f.peakMB.toFixed(0),
    milliseconds(f.repairedMs),
  ];
  return cells.map((cell) => (cell === 'NaN' ? '' : cell === 'Infinity' ? 'never' : cell));
}

/** A change of one Service, from the API's write to the kernel's event; each row is also told as soon as it is there. */
export default async function proxy(): Promise<Table[]> {
  const directory = mkdtempSync(join(tmpdir(), 'nodectl-bench-'));
  try {
    // As it is installed: how much of a file is mapped at once depends on how it was written, 15 MB of 90.
    const binary = join(directory, 'nodectl');
    if (nodectl !== 'sources') copyFileSync(nodectl, binary);
    return [table(await rowsOf(binary))];
  } finally {
    rmSync(directory, {recursive: true, force: true});
  }
}

function bareRow({name, restMB, fileMB}: Bare): string[] {
  const unmeasured = Array<string>(9).fill('');
  return ['', name, ...unmeasured, restMB.toFixed(0), fileMB.toFixed(0), restMB.toFixed(0), ''];
}

async function rowsOf(binary: string): Promise<string[][]> {
  const rows: string[][] = [];
  const add = (cells: string[]) => {
    rows.push(cells);
    console.error(`measured: ${cells.join('  ')}`);
  };
  for (const bare of await measureBare(smallHeap)) add(bareRow(bare));
  for (const load of sizes.map(loadOf)) {
    add(row(load, 'raw nft', await measureRaw(load)));
    for (const subject of subjects(load, binary)) add(row(load, subject.name, await measure(subject, load)));
  }
  return rows;
}

function table(rows: readonly (readonly string[])[]): Table {
  return {
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
      'cold after sync ms',
      'from start ms',
      'CPU ms',
      'RSS MB',
      'of it files',
      'peak MB',
      'repaired ms',
    ],
    rows,
    notes: [
      'bare Node: a process of it that does nothing. With connections: it has the ports, watches and children of a proxy.',
      'raw nft: the same elements through nft itself, without Services, an API or a proxy.',
      'CPU and memory are those of the proxy with its children; pages of files are shared with every nodectl that runs.',
      'never: the kernel had not told of it within half a minute, or of the repair within a minute.',
      'repaired: from a flush of the whole ruleset by somebody else (kube-proxy looks once an hour).',
    ],
  };
}

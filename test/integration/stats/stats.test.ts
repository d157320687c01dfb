import {request as httpsRequest} from 'node:https';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {generateKey, issueCertificate, publicKeyOf} from '../../../src/edges/trust/x509.ts';
import type {Pod} from '../../../src/lib/kubernetes.ts';
import {pods} from '../../../src/lib/resources.ts';
import {type Fixture, inside, nodeName, startFixture} from '../kubelet-node/fixture.ts';
import {busyboxImage} from '../support/images.ts';
import {metricsServerDecode, parsePrometheus, type Sample} from '../support/prometheus.ts';
import {until} from '../support/wait.ts';
import {cadvisorFamilies, kubeletFamilies, maybeAbsent} from './families.ts';
import {cgroupOf, kernel} from './kernel.ts';

let it1: Fixture;
let admin: {cert: string; key: string};
let pod: Pod;
beforeAll(async () => {
  it1 = await startFixture('volumeStatsAggPeriod: 1s\n');
  const kubelet = it1.start();
  const key = generateKey();
  const cert = await issueCertificate({
    ca: it1.sandbox.ca,
    commonName: 'scraper',
    organizations: ['system:masters'],
    subject: {publicKey: publicKeyOf(key)},
    usages: ['digital signature', 'client auth'],
    days: 1,
  });
  admin = {cert, key};
  await it1.sandbox.client.create(pods, webPod());
  pod = await until(
    'the pod is ready',
    async () => {
      const {items} = await it1.sandbox.client.list(pods, {namespace: 'default'});
      const [found] = items;
      const ready = found?.status?.conditions?.some(
        ({type, status}) => type === 'Ready' && status === 'True',
      );
      return ready ? found : undefined;
    },
    {
      timeoutMs: 120_000,
      instead: async () => {
        const {items} = await it1.sandbox.client.list(pods, {namespace: 'default'});
        return `${JSON.stringify(items.map(({status}) => status))}\n${kubelet.output().slice(-4000)}`;
      },
    },
  );
  // A reading serves /metrics/cadvisor for ten seconds; one that is asked for here serves it too.
  await until('both containers and the volume are counted', async () => {
    const [web] = JSON.parse((await get('/stats/summary')).body).pods;
    return web?.containers.length === 2 && web.volume?.some(({name}: {name: string}) => name === 'scratch');
  });
});
afterAll(() => it1?.remove());

/** One container that burns a tenth of a CPU, its limit, and one that holds sixteen mebibytes. */
function webPod(): object {
  const container = (name: string, command: string, more: object) => ({
    name,
    image: busyboxImage,
    imagePullPolicy: 'IfNotPresent',
    command: ['sh', '-c', command],
    ...more,
  });
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {name: 'web', namespace: 'default'},
    spec: {
      nodeName,
      tolerations: [{operator: 'Exists'}],
      terminationGracePeriodSeconds: 0,
      volumes: [{name: 'scratch', emptyDir: {}}],
      containers: [
        container('busy', 'while true; do :; done', {
          resources: {limits: {cpu: '100m', memory: '64Mi'}, requests: {cpu: '50m', memory: '32Mi'}},
        }),
        container('holds', 'dd if=/dev/zero of=/dev/shm/x bs=1M count=16; exec sleep 100000', {
          resources: {limits: {memory: '128Mi'}},
          volumeMounts: [{name: 'scratch', mountPath: '/scratch'}],
          readinessProbe: {exec: {command: ['test', '-s', '/dev/shm/x']}, periodSeconds: 1},
        }),
      ],
    },
  };
}

type Answer = {readonly code: number; readonly type: string; readonly body: string};

function get(path: string, headers: Record<string, string> = {}, who: object = admin): Promise<Answer> {
  return new Promise((resolve, reject) => {
    httpsRequest(
      {host: inside, port: 10250, path, headers, ...who, rejectUnauthorized: false, agent: false},
      (response) => {
        let body = '';
        response.setEncoding('utf8').on('data', (chunk) => (body += chunk));
        response.once('end', () =>
          resolve({code: response.statusCode ?? 0, type: response.headers['content-type'] ?? '', body}),
        );
      },
    )
      .once('error', reject)
      .end();
  });
}

async function scrape(path: string) {
  const {code, type, body} = await get(path);
  expect([code, type]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
  return {text: body, families: parsePrometheus(body)};
}

const containerId = (name: string) =>
  pod.status?.containerStatuses?.find((status) => status.name === name)?.containerID?.split('//')[1] ?? '';

/** What the kernel says of a container, found by its process: not by what we say. */
async function truth(name: string) {
  const {info} = await it1.containerd.cri.runtime.containerStatus({
    containerId: containerId(name),
    verbose: true,
  });
  const cgroup = cgroupOf(JSON.parse(info.info ?? '{}').pid);
  return {cgroup, ...kernel(cgroup)};
}

const one = (samples: readonly Sample[] | undefined, labels: Record<string, string>): Sample => {
  const found = samples?.filter((sample) =>
    Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
  );
  expect(found, JSON.stringify(labels)).toHaveLength(1);
  return found?.[0] ?? {name: '', labels: {}, value: Number.NaN, timeMs: undefined};
};

describe('/metrics/cadvisor', () => {
  it('has the families, types and labels of the kubelet’s, and no others', async () => {
    const {families} = await scrape('/metrics/cadvisor');
    for (const {name, type, help, samples} of families.values()) {
      const [wanted, extra = ''] = cadvisorFamilies[name] ?? [];
      expect([name, type]).toEqual([name, wanted]);
      expect(help).not.toBe('');
      if (!name.startsWith('container_') || name === 'container_scrape_error') continue;
      const labels = [...'container,id,image,name,namespace,pod'.split(','), ...extra.split(',')]
        .filter(Boolean)
        .sort();
      expect([name, Object.keys(samples[0]?.labels ?? {}).sort()]).toEqual([name, labels]);
      const stamped = !/^container_(spec_|start_time)/.test(name);
      for (const {timeMs} of samples) expect(timeMs !== undefined).toBe(stamped);
    }
    const missing = Object.keys(cadvisorFamilies).filter(
      (name) => !families.has(name) && !maybeAbsent.test(name),
    );
    expect(missing).toEqual([]);
  });

  it('says of each container what the kernel says', async () => {
    for (const name of ['busy', 'holds']) {
      const real = await truth(name);
      const before = real.cpuSeconds();
      const askedMs = Date.now();
      const {families, used} = await until('a reading that is newer than the question', async () => {
        await scrape('/metrics/resource');
        const found = (await scrape('/metrics/cadvisor')).families;
        const cpu = one(found.get('container_cpu_usage_seconds_total')?.samples, {container: name});
        return (cpu.timeMs ?? 0) >= askedMs ? {families: found, used: cpu} : undefined;
      });
      const of = (family: string) => one(families.get(family)?.samples, {container: name}).value;
      expect(used.labels).toEqual({
        container: name,
        cpu: 'total',
        id: real.cgroup,
        image: expect.stringContaining('busybox'),
        name: containerId(name),
        namespace: 'default',
        pod: 'web',
      });
      expect(used.value).toBeGreaterThanOrEqual(before);
      expect(used.value).toBeLessThanOrEqual(real.cpuSeconds());
      expect(Math.abs(of('container_memory_working_set_bytes') - real.workingSetBytes())).toBeLessThan(
        4 << 20,
      );
      expect(of('container_spec_memory_limit_bytes')).toBe(real.memoryLimitBytes());
      expect(of('container_spec_cpu_period')).toBe(real.cpuPeriod());
      if (name === 'holds') {
        expect(of('container_memory_working_set_bytes')).toBeGreaterThan(16 << 20);
        expect(
          families.get('container_spec_cpu_quota')?.samples.filter(({labels}) => labels.container === name),
        ).toEqual([]);
      } else {
        expect(of('container_spec_cpu_quota')).toBe(real.cpuQuota());
        expect(of('container_cpu_cfs_throttled_periods_total')).toBeGreaterThan(0);
      }
    }
  });

  it('tells of the machine, the tiers, the pod, its sandbox with its network, and the containers', async () => {
    const {families} = await scrape('/metrics/cadvisor');
    const cpu = families.get('container_cpu_usage_seconds_total')?.samples ?? [];
    const {cgroup} = await truth('busy');
    const podCgroup = cgroup.slice(0, cgroup.lastIndexOf('/'));
    one(cpu, {id: '/', pod: '', container: ''});
    one(cpu, {id: podCgroup, pod: 'web', container: '', name: ''});
    for (let path = podCgroup; path.includes('kubepods'); path = path.slice(0, path.lastIndexOf('/')))
      one(cpu, {id: path});
    const received = families.get('container_network_receive_bytes_total')?.samples ?? [];
    // Of a pod only by its sandbox: containers share its network.
    expect(received.filter(({labels}) => labels.pod === 'web')).toMatchObject([
      {labels: {interface: 'eth0', container: ''}},
    ]);
    expect(one(families.get('machine_cpu_cores')?.samples, {}).value).toBeGreaterThan(0);
    const inodes = families.get('container_fs_inodes_total')?.samples ?? [];
    expect(inodes.map(({labels}) => labels.id)).toEqual(['/']);
  });
});

describe('/metrics/resource', () => {
  it('is what metrics-server takes for usage, from one scrape to the next', async () => {
    const first = metricsServerDecode((await scrape('/metrics/resource')).text);
    const second = await until('a later reading of everything', async () => {
      const next = metricsServerDecode((await scrape('/metrics/resource')).text);
      const later = [next.node, ...next.containers.values()].every(
        ({timeMs = 0}) => timeMs >= (first.node.timeMs ?? 0) + 1_000,
      );
      return later ? next : undefined;
    });
    expect([...second.containers.keys()].sort()).toEqual(['default/web/busy', 'default/web/holds']);
    const rate = (
      before: {cpuSeconds?: number; timeMs?: number},
      after: {cpuSeconds?: number; timeMs?: number},
    ) =>
      ((after.cpuSeconds ?? 0) - (before.cpuSeconds ?? 0)) /
      (((after.timeMs ?? 0) - (before.timeMs ?? 0)) / 1000);
    const [old, busy] = [first, second].map(({containers}) => containers.get('default/web/busy') ?? {});
    // A tenth of a CPU is its limit; how much of it a crowded machine gives is not ours to say.
    expect(rate(old ?? {}, busy ?? {})).toBeGreaterThan(0);
    expect(rate(old ?? {}, busy ?? {})).toBeLessThan(0.2);
    expect(rate(first.node, second.node)).toBeGreaterThan(rate(old ?? {}, busy ?? {}) / 2);
    expect(second.containers.get('default/web/holds')?.memoryBytes).toBeGreaterThan(16 << 20);
    expect(second.node.memoryBytes).toBeGreaterThan(16 << 20);
    for (const container of second.containers.values()) {
      expect(container.cpuSeconds).toBeGreaterThan(0);
      expect(container.startSeconds).toBeGreaterThan(Date.now() / 1000 - 600);
      expect(container.startSeconds).toBeLessThan(Date.now() / 1000);
    }
  });

  it('has the names and labels of the kubelet’s', async () => {
    const {families} = await scrape('/metrics/resource');
    const labels = (name: string) =>
      Object.keys(families.get(name)?.samples[0]?.labels ?? {})
        .sort()
        .join();
    const names = ['cpu_usage_seconds_total', 'memory_working_set_bytes', 'swap_usage_bytes'];
    for (const name of names) {
      expect(labels(`container_${name}`)).toBe('container,namespace,pod');
      expect(labels(`pod_${name}`)).toBe('namespace,pod');
      expect(labels(`node_${name}`)).toBe('');
      expect(families.get(`node_${name}`)?.samples).toHaveLength(1);
      expect(families.get(`container_${name}`)?.type).toBe(name.endsWith('total') ? 'counter' : 'gauge');
    }
    expect(one(families.get('resource_scrape_error')?.samples, {}).value).toBe(0);
  });
});

describe('/stats/summary', () => {
  /** Fields of stats/v1alpha1, by where they stand. */
  const fields: Readonly<Record<string, string>> = {
    '': 'node pods',
    node: 'nodeName systemContainers startTime cpu memory io network fs runtime rlimit swap',
    pods: 'podRef startTime containers cpu memory io network volume ephemeral-storage process_stats swap',
    containers: 'name startTime cpu memory io rootfs logs swap',
    systemContainers: 'name startTime cpu memory io rootfs logs swap',
    podRef: 'name namespace uid',
    cpu: 'time usageNanoCores usageCoreNanoSeconds psi',
    memory: 'time availableBytes usageBytes workingSetBytes rssBytes pageFaults majorPageFaults psi',
    io: 'time psi',
    psi: 'full some',
    full: 'total avg10 avg60 avg300',
    some: 'total avg10 avg60 avg300',
    network: 'time name rxBytes rxErrors txBytes txErrors interfaces',
    interfaces: 'name rxBytes rxErrors txBytes txErrors',
    runtime: 'imageFs containerFs',
    rlimit: 'time maxpid curproc',
    swap: 'time swapAvailableBytes swapUsageBytes',
    process_stats: 'process_count',
    volume:
      'time availableBytes capacityBytes usedBytes inodesFree inodes inodesUsed name pvcRef volumeHealthStats',
  };
  const disk = 'time availableBytes capacityBytes usedBytes inodesFree inodes inodesUsed';

  function unknownFields(value: unknown, at = ''): string[] {
    if (Array.isArray(value)) return value.flatMap((item) => unknownFields(item, at));
    if (typeof value !== 'object' || value === null) return [];
    const known = (fields[at] ?? disk).split(' ');
    return Object.entries(value).flatMap(([name, item]) => [
      ...(known.includes(name) ? [] : [`${at}.${name}`]),
      ...unknownFields(item, name),
    ]);
  }

  it('has only fields of the API, and says what the kernel says', async () => {
    const real = await truth('holds');
    const before = real.cpuSeconds();
    const {code, type, body} = await get('/stats/summary');
    expect([code, type]).toEqual([200, 'application/json']);
    const summary = JSON.parse(body);
    expect(unknownFields(summary)).toEqual([]);
    expect(summary.node).toMatchObject({nodeName, fs: {capacityBytes: expect.any(Number)}});
    expect(summary.node.rlimit.curproc).toBeGreaterThan(0);
    const [web] = summary.pods;
    expect(web).toMatchObject({
      podRef: {name: 'web', namespace: 'default', uid: pod.metadata.uid},
      network: {name: 'eth0', rxBytes: expect.any(Number)},
      volume: expect.arrayContaining([expect.objectContaining({name: 'scratch'})]),
    });
    const holds = web.containers.find(({name}: {name: string}) => name === 'holds');
    // A reading serves for two seconds: it may be older than the question by so much.
    expect(holds.cpu.usageCoreNanoSeconds / 1e9).toBeGreaterThan(before - 2);
    expect(holds.cpu.usageCoreNanoSeconds / 1e9).toBeLessThanOrEqual(real.cpuSeconds());
    expect(Math.abs(holds.memory.workingSetBytes - real.workingSetBytes())).toBeLessThan(4 << 20);
    expect(holds.memory.availableBytes).toBe((128 << 20) - holds.memory.workingSetBytes);
    expect(web.memory.workingSetBytes).toBeGreaterThanOrEqual(holds.memory.workingSetBytes);
    expect(web.process_stats.process_count).toBeGreaterThanOrEqual(2);
  });

  it('can be asked for CPU and memory only, as kubectl top did', async () => {
    const summary = JSON.parse((await get('/stats/summary?only_cpu_and_memory=true')).body);
    expect(Object.keys(summary.node).sort()).toEqual(['cpu', 'memory', 'nodeName', 'startTime', 'swap']);
    expect(summary.pods[0].containers.map(({name}: {name: string}) => name).sort()).toEqual([
      'busy',
      'holds',
    ]);
  });
});

describe('/metrics and /metrics/probes', () => {
  it('have what the kubelet’s dashboards and alerts ask for', async () => {
    const {families} = await scrape('/metrics');
    for (const [name, labels] of Object.entries(kubeletFamilies)) {
      const keys = new Set(families.get(name)?.samples.flatMap((sample) => Object.keys(sample.labels)));
      expect([name, families.has(name), [...keys].sort().join()]).toEqual([name, true, labels]);
    }
    expect(one(families.get('kubelet_running_pods')?.samples, {}).value).toBe(1);
    // From the machine's start on, which was before this test.
    expect(one(families.get('kubelet_node_startup_duration_seconds')?.samples, {}).value).toBeGreaterThan(1);
    expect(one(families.get('kubelet_running_containers')?.samples, {container_state: 'running'}).value).toBe(
      2,
    );
    const ttl = (kind: string) =>
      one(families.get(`kubelet_certificate_manager_${kind}_ttl_seconds`)?.samples, {}).value;
    expect(ttl('client')).toBeGreaterThan(3600);
    expect(ttl('server')).toBeGreaterThan(3600);
  });

  it('counts requests to the API server, and to nobody else', async () => {
    const {families} = await scrape('/metrics');
    const requests = families.get('rest_client_requests_total')?.samples ?? [];
    expect([...new Set(requests.map(({labels}) => labels.host))]).toEqual([new URL(it1.sandbox.url).host]);
    expect(one(requests, {code: '200', method: 'PATCH'}).value).toBeGreaterThan(0);
  });

  it('counts probes by container and result', async () => {
    const {families} = await scrape('/metrics/probes');
    const probes = families.get('prober_probe_total')?.samples ?? [];
    const labels = {
      container: 'holds',
      namespace: 'default',
      pod: 'web',
      pod_uid: pod.metadata.uid,
      probe_type: 'Readiness',
    };
    expect(one(probes, {...labels, result: 'successful'}).value).toBeGreaterThan(0);
    expect(families.get('prober_probe_duration_seconds')?.type).toBe('histogram');
  });
});

describe('who may read them', () => {
  it('nobody without credentials, and no pod by its own token', async () => {
    const {status} = await it1.sandbox.client.request<{status: {token: string}}>(
      'POST',
      '/api/v1/namespaces/default/serviceaccounts/default/token',
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: {audiences: [], expirationSeconds: 600},
      },
    );
    for (const path of [
      '/metrics',
      '/metrics/cadvisor',
      '/metrics/resource',
      '/metrics/probes',
      '/stats/summary',
    ]) {
      expect((await get(path, {}, {})).code).toBe(401);
      expect((await get(path, {Authorization: `Bearer ${status.token}`}, {})).code).toBe(403);
    }
  });
});

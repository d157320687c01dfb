import {X509Certificate} from 'node:crypto';
import {readFile, readlink, rename, stat} from 'node:fs/promises';
import {request as httpsRequest} from 'node:https';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {missingChains} from '../../../src/kubelet/iptables/decide.ts';
import type {Node, Pod} from '../../../src/lib/kubernetes.ts';
import {certificateSigningRequests, leases, nodes, pods} from '../../../src/lib/resources.ts';
import {busyboxImage} from '../support/images.ts';
import {until} from '../support/wait.ts';
import {type Fixture, inside, type Kubelet, nodeName, startFixture} from './fixture.ts';

let it1: Fixture;
let kubelet: Kubelet;
beforeAll(async () => {
  it1 = await startFixture(
    'serverTLSBootstrap: true\nnodeStatusUpdateFrequency: 2s\nnodeStatusReportFrequency: 5m\n',
  );
  kubelet = it1.start('-v', '4');
});
afterAll(() => it1?.remove());

const patchStatus = (body: object) =>
  it1.sandbox.client.patch(nodes, {name: nodeName, subresource: 'status'}, {type: 'merge', body});
const getPod = async (name: string): Promise<Pod | undefined> =>
  (await it1.sandbox.client.list(pods, {namespace: 'default'})).items.find((p) => p.metadata.name === name);

async function runPod(name: string): Promise<Pod> {
  await it1.sandbox.client.create(pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {name, namespace: 'default'},
    spec: {
      nodeName,
      tolerations: [{operator: 'Exists'}],
      terminationGracePeriodSeconds: 0,
      containers: [
        {name: 'c', image: busyboxImage, command: ['sleep', '1000'], imagePullPolicy: 'IfNotPresent'},
      ],
    },
  });
  return until(`${name} runs`, async () => {
    const pod = await getPod(name);
    return pod?.status?.phase === 'Running' ? pod : undefined;
  });
}

/** GET on port 10250, verified against the cluster's CA; the code. */
async function ask(path: string, token?: string): Promise<number> {
  const ca = await readFile(it1.sandbox.files.caCert, 'utf8');
  return new Promise((resolve, reject) => {
    const headers = token === undefined ? {} : {Authorization: `Bearer ${token}`};
    httpsRequest({host: inside, port: 10250, path, ca, headers, agent: false}, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .once('error', reject)
      .end();
  });
}

describe('joining', () => {
  it('keeps chains in iptables for others, in the words in which they are found again', async () => {
    const {netns} = it1.containerd;
    const save = async (program: string, table: string) =>
      (await netns.run(`${program}-save`, ['-t', table])).stdout;
    const missing = async () => [
      ...missingChains({
        family: 'IPv4',
        mangle: await save('iptables', 'mangle'),
        filter: await save('iptables', 'filter'),
      }),
      ...missingChains({family: 'IPv6', mangle: await save('ip6tables', 'mangle'), filter: ''}),
    ];
    await until('the chains are there', async () => (await missing()).length === 0);
    // Each once, whoever looks how often.
    const filter = (await save('iptables', 'filter')).match(
      /KUBE-FIREWALL.*(DROP|INPUT|OUTPUT)|(IN|OUT)PUT -j.*/g,
    );
    expect(filter).toHaveLength(3);
    expect(await save('ip6tables', 'nat')).toContain(':KUBE-KUBELET-CANARY ');
  });

  it('bootstraps, registers and becomes Ready', async () => {
    const node = await it1.ready();
    expect(node.metadata.labels).toMatchObject({
      tier: 'edge',
      'kubernetes.io/hostname': nodeName,
      'kubernetes.io/os': 'linux',
    });
    expect(node.spec?.taints).toContainEqual({key: 'dedicated', value: 'test', effect: 'PreferNoSchedule'});
    expect(node.status?.addresses).toEqual([
      {type: 'InternalIP', address: inside},
      {type: 'Hostname', address: nodeName},
    ]);
    expect(node.status?.conditions?.map(({type}) => type)).toEqual([
      'MemoryPressure',
      'DiskPressure',
      'PIDPressure',
      'Ready',
    ]);
    expect(node.status?.nodeInfo?.kubeletVersion).toMatch(/^v1\.36\.\d+$/);
    expect(node.status?.nodeInfo?.containerRuntimeVersion).toMatch(/^containerd:\/\/\d/);
    expect(node.status?.daemonEndpoints?.kubeletEndpoint?.Port).toBe(10250);
    expect(node.status?.images?.length).toBeGreaterThan(0);
    expect(Number(node.status?.capacity?.cpu)).toBeGreaterThan(0);
  });

  it('leaves a kubeconfig and a certificate as Kubernetes names them', async () => {
    const pem = `${it1.certDir}/kubelet-client-current.pem`;
    expect(await readlink(pem)).toMatch(/kubelet-client-\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d\.pem$/);
    expect((await stat(it1.kubeconfig)).mode & 0o777).toBe(0o600);
    expect(await readFile(it1.kubeconfig, 'utf8')).toContain(pem);
    const leaf = new X509Certificate(await readFile(pem));
    expect(leaf.subject).toBe(`O=system:nodes\nCN=system:node:${nodeName}`);
  });

  it('keeps a lease that belongs to the Node', async () => {
    const node = await it1.node();
    const lease = await until('the lease', async () =>
      (await it1.sandbox.client.list(leases, {namespace: 'kube-node-lease'})).items.at(0),
    );
    expect(lease.spec).toMatchObject({holderIdentity: nodeName, leaseDurationSeconds: 40});
    expect(lease.metadata.ownerReferences).toMatchObject([
      {kind: 'Node', name: nodeName, uid: node?.metadata.uid},
    ]);
  });

  it('serves with a certificate of the cluster, which its CA verifies', async () => {
    await until('the kubelet API', () => ask('/healthz').catch(() => undefined));
    expect(await ask('/pods')).toBe(401);
    const {items} = await it1.sandbox.client.list(certificateSigningRequests);
    expect(items.map(({spec}) => spec.signerName).sort()).toEqual([
      'kubernetes.io/kube-apiserver-client-kubelet',
      'kubernetes.io/kubelet-serving',
    ]);
  });

  it('gives a pod’s own token nothing', async () => {
    const {status} = await it1.sandbox.client.request<{status: {token: string}}>(
      'POST',
      '/api/v1/namespaces/default/serviceaccounts/default/token',
      {
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenRequest',
        spec: {audiences: [], expirationSeconds: 600},
      },
    );
    for (const path of ['/pods', '/healthz', '/metrics', '/containerLogs/default/web/c', '/configz'])
      expect(await ask(path, status.token)).toBe(403);
  });

  it('refuses a second kubelet on the same ports, naming the first', async () => {
    const second = it1.start();
    expect(await second.ended()).toBe(3);
    expect(second.output()).toMatch(/ND601[\s\S]*port 102(50|48) is in use by process \d+/);
  });
});

describe('the Node object', () => {
  it('keeps resources that others put into its capacity, and makes them allocatable', async () => {
    await patchStatus({status: {capacity: {'example.com/fake': '5'}}});
    const node = await until('allocatable', async () => {
      const found = await it1.node();
      return found?.status?.allocatable?.['example.com/fake'] === '5' ? found : undefined;
    });
    expect(node.status?.capacity?.['example.com/fake']).toBe('5');
  });

  it('is put right when somebody changes what is ours', async () => {
    await it1.sandbox.client.patch(
      nodes,
      {name: nodeName},
      {type: 'merge', body: {metadata: {labels: {'kubernetes.io/os': 'plan9', mine: 'yes'}}}},
    );
    await patchStatus({status: {addresses: [{type: 'InternalIP', address: '192.0.2.1'}]}});
    const node = await until('the Node as it was', async () => {
      const found = await it1.node();
      const right = found?.metadata.labels?.['kubernetes.io/os'] === 'linux';
      return right && found?.status?.addresses?.[0]?.address === inside ? found : undefined;
    });
    expect(node.metadata.labels?.mine).toBe('yes');
  });

  it('settles: nothing is written while nothing changes', async () => {
    const version = async () => (await it1.node())?.metadata.resourceVersion;
    let since = performance.now();
    let last = await version();
    await until('five quiet seconds', async () => {
      const now = await version();
      if (now !== last) [last, since] = [now, performance.now()];
      return performance.now() - since > 5_000;
    });
  });

  it('row 24: is registered again when it is deleted, and no pod is killed', async () => {
    const pod = await runPod('survivor');
    const before = await it1.node();
    await it1.sandbox.client.delete(nodes, {name: nodeName});
    const after = await until('another Node', async () => {
      const found = await it1.node();
      return found !== undefined && found.metadata.uid !== before?.metadata.uid ? found : undefined;
    });
    await it1.ready();
    const {containers} = await it1.containerd.cri.runtime.listContainers({filter: {state: {state: 1}}});
    const id = pod.status?.containerStatuses?.[0]?.containerID?.replace('containerd://', '');
    expect(containers.map((c) => c.id)).toContain(id);
    await until('the lease of the new Node', async () => {
      const lease = (await it1.sandbox.client.list(leases, {namespace: 'kube-node-lease'})).items.at(0);
      return lease?.metadata.ownerReferences?.[0]?.uid === after.metadata.uid;
    });
  });
});

describe('restarts', () => {
  it('SIGTERM ends it cleanly, containers go on, and the Node stays Ready over the restart', async () => {
    const pod = await runPod('stays');
    const id = pod.status?.containerStatuses?.[0]?.containerID;
    kubelet.process.kill('SIGTERM');
    expect(await kubelet.ended()).toBe(0);
    const seen = new Set<string>();
    const watching = new AbortController();
    const watch = (async () => {
      for await (const event of it1.sandbox.client.watch<Node>(nodes, {}, watching.signal))
        if (event.type === 'MODIFIED') {
          const ready = event.object.status?.conditions?.find(({type}) => type === 'Ready');
          seen.add(ready?.status === 'True' ? 'True' : `${ready?.status} ${ready?.message}`);
        }
    })().catch(() => undefined);
    kubelet = it1.start('-v', '4');
    await until('its first status', () => seen.size > 0);
    await until('the pod is seen again', () => kubelet.output().includes('the Node is Ready'));
    watching.abort();
    await watch;
    expect([...seen]).toEqual(['True']);
    expect((await getPod('stays'))?.status?.containerStatuses?.[0]).toMatchObject({
      containerID: id,
      restartCount: 0,
    });
  });

  it('asks for no second certificate', async () => {
    const {items} = await it1.sandbox.client.list(certificateSigningRequests);
    expect(items.filter(({spec}) => spec.signerName.endsWith('apiserver-client-kubelet'))).toHaveLength(1);
  });
});

describe('not Ready', () => {
  it('says that the runtime is down, and recovers', async () => {
    await it1.containerd.kill();
    const condition = await until(
      'NotReady',
      async () => {
        const found = await it1.condition('Ready');
        return found?.status === 'False' ? found : undefined;
      },
      {timeoutMs: 60_000},
    );
    expect(condition).toMatchObject({reason: 'KubeletNotReady', message: expect.stringMatching(/runtime/)});
    await it1.containerd.start();
    await it1.ready();
    expect((await getPod('stays'))?.status?.containerStatuses?.[0]?.restartCount).toBe(0);
  });

  it('says that the network is not ready', async () => {
    const {cniConfDir} = it1.containerd.layout;
    await rename(`${cniConfDir}/10-test.conflist`, `${cniConfDir}/10-test.off`);
    const condition = await until(
      'NotReady',
      async () => {
        const found = await it1.condition('Ready');
        return found?.status === 'False' ? found : undefined;
      },
      {timeoutMs: 30_000},
    );
    expect(condition.message).toContain('container runtime network not ready: NetworkReady=false');
    await rename(`${cniConfDir}/10-test.off`, `${cniConfDir}/10-test.conflist`);
    await it1.ready();
  });
});

describe('what cannot begin', () => {
  it.each([
    [
      ['--kubeconfig=/nonexistent/k', '--bootstrap-kubeconfig='],
      7,
      /ND722[\s\S]*does not exist, and there is no bootstrap/,
    ],
    [['--config=/nonexistent.yaml'], 2, /ND701[\s\S]*no such file/],
    [['--config=/dev/null'], 2, /ND701[\s\S]*is empty/],
    [['--fail-cgroupv1=maybe'], 2, /fail-cgroupv1/],
    [
      ['--lock-file=/run/k', '--exit-on-lock-contention'],
      2,
      /--lock-file=\/run\/k, --exit-on-lock-contention/,
    ],
  ])('%j', async (flags, code, words) => {
    kubelet.process.kill('SIGTERM');
    await kubelet.ended();
    const other = it1.start(...flags);
    expect(await other.ended()).toBe(code);
    expect(other.output()).toMatch(words);
  });
});

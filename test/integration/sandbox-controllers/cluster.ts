import {mkdtempSync, readFileSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {realClock} from '../../../src/edges/clock.ts';
import type {KubeClient} from '../../../src/edges/kube/client.ts';
import {isAlreadyExists, isNotFound} from '../../../src/edges/kube/errors.ts';
import {startReflector} from '../../../src/edges/kube/watch/reflector.ts';
import type {KubeObject, Pod} from '../../../src/lib/kubernetes.ts';
import {type Logger, silent} from '../../../src/lib/log.ts';
import {leases, nodes, pods, type Resource} from '../../../src/lib/resources.ts';
import {microTimestamp, timestamp} from '../../../src/lib/time.ts';
import {createAdmission} from '../../../src/sandbox/admission/admit.ts';
import {type ControllerDeps, startControllers} from '../../../src/sandbox/controllers/start.ts';
import {startSandbox} from '../../../src/sandbox/server.ts';

export type Cluster = {
  readonly client: KubeClient;
  readonly caPem: string;
  readonly warnings: string[];
  stop(): Promise<void>;
};

/** A real API server with real admission and controllers, in a directory of its own unless one is given to keep. */
export async function startCluster(
  tuning: ControllerDeps['tuning'] = {},
  keptDir?: string,
): Promise<Cluster> {
  const stateDir = keptDir ?? mkdtempSync(join(tmpdir(), 'nodectl-sandbox-'));
  const warnings: string[] = [];
  const log: Logger = {
    ...silent,
    warn: (message, fields) => warnings.push(`${message} ${JSON.stringify(fields)}`),
    error: (message, fields) => warnings.push(`${message} ${JSON.stringify(fields)}`),
    with: () => log,
  };
  const network = {serviceCidr: '10.96.0.0/12', podCidr: '10.244.0.0/16', clusterDomain: 'cluster.local'};
  const sandbox = await startSandbox({
    ...network,
    stateDir,
    address: '127.0.0.1',
    port: 0,
    version: 'v1.36.0',
    log,
    clock: realClock,
    admit: createAdmission({serviceCidrs: [network.serviceCidr], random: Math.random}),
  });
  const caPem = readFileSync(sandbox.files.caCert, 'utf8');
  const controllers = await startControllers({
    ...network,
    client: sandbox.client,
    clock: realClock,
    log,
    ca: {cert: caPem, key: readFileSync(sandbox.files.caKey, 'utf8')},
    address: {host: '192.0.2.10', port: Number(new URL(sandbox.url).port)},
    dnsServiceIp: '10.96.0.10',
    dnsEndpoint: {address: '192.0.2.10', port: 5300},
    kubernetesVersion: 'v1.36.0',
    random: Math.random,
    tuning,
  });
  return {
    client: sandbox.client,
    caPem,
    warnings,
    stop: async () => {
      await controllers.stop();
      await sandbox.close();
      if (keptDir === undefined) rmSync(stateDir, {recursive: true, force: true});
    },
  };
}

export type FakeNode = {
  /** No lease any more: what a machine without power does. */
  silence(): void;
  stop(): Promise<void>;
};

/** A kubelet as the controllers see one: it registers, renews its lease, makes pods ready, and lets them go. */
export async function startFakeNode(
  client: KubeClient,
  name: string,
  readyAfter: (pod: Pod) => boolean = () => true,
): Promise<FakeNode> {
  const now = () => timestamp(Date.now());
  await once(client.create(nodes, {metadata: {name, labels: {'kubernetes.io/hostname': name}}}));
  const capacity = {cpu: '4', memory: '8Gi', pods: '110', 'ephemeral-storage': '10Gi'};
  const condition = (type: string, status: string) => ({
    type,
    status,
    reason: 'Test',
    message: 'as the test says',
    lastHeartbeatTime: now(),
    lastTransitionTime: now(),
  });
  await client.patch(
    nodes,
    {name, subresource: 'status'},
    {
      type: 'merge',
      body: {
        status: {
          capacity,
          allocatable: capacity,
          addresses: [
            {type: 'Hostname', address: name},
            {type: 'InternalIP', address: '192.0.2.20'},
          ],
          conditions: [
            condition('Ready', 'True'),
            condition('MemoryPressure', 'False'),
            condition('DiskPressure', 'False'),
            condition('PIDPressure', 'False'),
          ],
        },
      },
    },
  );
  const lease = {namespace: 'kube-node-lease', name};
  await once(
    client.create(
      leases,
      {metadata: lease, spec: {holderIdentity: name, renewTime: microTimestamp(Date.now())}},
      lease,
    ),
  );
  const renew = setInterval(() => {
    const body = {spec: {renewTime: microTimestamp(Date.now())}};
    client.patch(leases, lease, {type: 'merge', body}).catch(() => undefined);
  }, 200);
  let alive = true;
  let serial = 1;
  const octet = 1 + (name.charCodeAt(name.length - 1) % 250);
  const act = async (pod: Pod) => {
    const {namespace, name: podName, uid} = pod.metadata;
    if (pod.metadata.deletionTimestamp !== undefined)
      return await client.delete(
        pods,
        {namespace, name: podName},
        {gracePeriodSeconds: 0, preconditions: {uid}},
      );
    if (pod.status?.podIP || !readyAfter(pod)) return;
    const podIP = `10.244.${octet}.${serial++}`;
    const conditions = ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map((type) => ({
      type,
      status: 'True',
      lastTransitionTime: now(),
    }));
    await client.patch(
      pods,
      {namespace, name: podName, subresource: 'status'},
      {
        type: 'merge',
        body: {metadata: {uid}, status: {phase: 'Running', podIP, podIPs: [{ip: podIP}], conditions}},
      },
    );
  };
  const reflector = startReflector({
    client,
    resource: pods,
    query: {fieldSelector: `spec.nodeName=${name}`},
    clock: realClock,
    log: silent,
    onEvent: (event) => {
      if (event.type === 'deleted' || !alive) return;
      act(event.object).catch((error: unknown) => {
        if (!isNotFound(error)) throw error;
      });
    },
  });
  await reflector.synced;
  const silence = () => {
    alive = false;
    clearInterval(renew);
  };
  return {
    silence,
    stop: async () => {
      silence();
      await reflector.stop();
    },
  };
}

/** After a restart it is there already. */
async function once(creation: Promise<unknown>): Promise<void> {
  await creation.catch((error: unknown) => {
    if (!isAlreadyExists(error)) throw error;
  });
}

/** Reads until a value is as it should be; fails with what it was last. */
export async function eventually<T>(
  read: () => Promise<T>,
  holds: (value: T) => boolean,
  withinMs = 10_000,
): Promise<T> {
  const endMs = Date.now() + withinMs;
  for (;;) {
    const value = await read();
    if (holds(value)) return value;
    if (Date.now() > endMs) throw new Error(`still ${JSON.stringify(value).slice(0, 2000)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

export async function names<T extends KubeObject>(
  client: KubeClient,
  resource: Resource<T>,
  namespace?: string,
): Promise<string[]> {
  return (await client.list(resource, {namespace})).items.map((item) => item.metadata.name);
}

import * as fs from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, expect, it} from 'vitest';
import {realClock} from '../../../src/edges/clock.ts';
import {loadKubeconfig} from '../../../src/edges/kube/connection.ts';
import {connectKube, type KubeConnectionClient} from '../../../src/edges/kube/http-client.ts';
import {type ObjectSource, startObjectSource} from '../../../src/kubelet/api/objects.ts';
import {podReferences} from '../../../src/kubelet/pod/config/references.ts';
import {apiClaims} from '../../../src/kubelet/volumes/claims.ts';
import {createTokenSource} from '../../../src/kubelet/volumes/kinds/tokens.ts';
import {type KeptVolumes, keepVolumes} from '../../../src/kubelet/volumes/pod-volumes.ts';
import type {Pod} from '../../../src/lib/kubernetes.ts';
import {silent} from '../../../src/lib/log.ts';
import {configMaps, pods, secrets, serviceAccounts} from '../../../src/lib/resources.ts';
import {createAdmission} from '../../../src/sandbox/admission/admit.ts';
import {type Sandbox, startSandbox} from '../../../src/sandbox/server.ts';

const namespace = 'default';
const signal = new AbortController().signal;
let root = '';
let sandbox: Sandbox;
let client: KubeConnectionClient;
let objects: ObjectSource;
let agent: KeptVolumes;
let pod: Pod;

/** A server on the state of the one before it. */
async function serve(port: number): Promise<Sandbox> {
  return startSandbox({
    stateDir: join(root, 'api'),
    address: '127.0.0.1',
    port,
    serviceCidr: '10.96.0.0/12',
    podCidr: '10.244.0.0/16',
    clusterDomain: 'cluster.local',
    version: 'v1.36.0',
    log: silent,
    clock: realClock,
    admit: createAdmission({serviceCidrs: ['10.96.0.0/12'], random: Math.random}),
  });
}

beforeAll(async () => {
  root = await fs.mkdtemp(join(tmpdir(), 'volumes-live-'));
  await fs.mkdir(join(root, 'api'));
  sandbox = await serve(0);
  client = connectKube(await loadKubeconfig(sandbox.files.adminKubeconfig));
  const shared = {client, clock: realClock, log: silent};
  objects = startObjectSource({...shared, onChange: () => void agent.refresh(pod)});
  const context = {
    rootDir: join(root, 'kubelet'),
    objects,
    claims: apiClaims(client),
    tokens: createTokenSource(shared),
    nodeAllocatable: () => ({memory: '1Gi'}),
    node: () => undefined,
  };
  agent = keepVolumes(context, realClock, silent);
});

afterAll(async () => {
  for (const uid of await agent.orphans(new Set())) await agent.tearDown(uid);
  agent.stop();
  await objects.stop();
  await client.close();
  await sandbox.close();
  await fs.rm(root, {recursive: true});
});

it('follow their objects at once, over a restart of the API server too, and hold real tokens', async () => {
  await client.create(serviceAccounts, {metadata: {name: 'default', namespace}});
  await client.create(configMaps, {metadata: {name: 'c', namespace}, data: {a: 'one'}});
  await client.create(secrets, {metadata: {name: 's', namespace}, data: {k: 'b25l'}});
  pod = await client.create<Pod>(pods, {
    metadata: {name: 'p', namespace},
    spec: {
      nodeName: 'node-1',
      automountServiceAccountToken: false,
      containers: [
        {
          name: 'app',
          image: 'x',
          volumeMounts: ['c', 's', 't'].map((name) => ({name, mountPath: `/mnt/${name}`})),
        },
      ],
      volumes: [
        {name: 'c', configMap: {name: 'c'}},
        {name: 's', secret: {secretName: 's'}},
        {name: 't', projected: {sources: [{serviceAccountToken: {path: 'token', expirationSeconds: 600}}]}},
      ],
    },
  });
  objects.use(pod.metadata.uid, podReferences(pod));
  await agent.prepare(pod, signal);
  const file = (path: string): Promise<string> =>
    fs.readFile(join(root, 'kubelet/pods', pod.metadata.uid, 'volumes', path), 'utf8');
  expect(await file('kubernetes.io~configmap/c/a')).toBe('one');
  expect(await file('kubernetes.io~secret/s/k')).toBe('one');
  const [, claims = ''] = (await file('kubernetes.io~projected/t/token')).split('.');
  expect(JSON.parse(Buffer.from(claims, 'base64url').toString())).toMatchObject({
    sub: 'system:serviceaccount:default:default',
    'kubernetes.io': {pod: {name: 'p', uid: pod.metadata.uid}},
  });

  const key = {name: 'c', namespace};
  await client.patch(configMaps, key, {type: 'merge', body: {data: {a: 'two'}}});
  await expect.poll(() => file('kubernetes.io~configmap/c/a'), {timeout: 900, interval: 5}).toBe('two');

  const {port} = sandbox;
  await sandbox.close();
  sandbox = await serve(port);
  await client.patch(configMaps, key, {type: 'merge', body: {data: {a: 'three'}}});
  await expect.poll(() => file('kubernetes.io~configmap/c/a'), {timeout: 10_000, interval: 20}).toBe('three');
});

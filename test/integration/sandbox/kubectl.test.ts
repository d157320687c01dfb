import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterAll, beforeAll, describe, expect, it, onTestFinished} from 'vitest';
import {realClock} from '../../../src/edges/clock.ts';
import {type Child, run, start} from '../../../src/edges/process/exec.ts';
import {silent} from '../../../src/lib/log.ts';
import {startControlPlane} from '../../../src/sandbox/control-plane.ts';
import type {Sandbox} from '../../../src/sandbox/server.ts';
import {kubectl} from '../support/debian.ts';
import {until} from '../support/wait.ts';

/** The clients that people have, unmodified: bookworm's 1.20, trixie's 1.32, forky's 1.36. */
const suites = ['bookworm', 'trixie', 'forky'] as const;
const dir = mkdtempSync(join(tmpdir(), 'nodectl-kubectl-'));
let sandbox: Sandbox;

beforeAll(async () => {
  sandbox = await startControlPlane({
    stateDir: join(dir, 'state'),
    address: '127.0.0.1',
    port: 0,
    serviceCidr: '10.96.0.0/12',
    podCidr: '10.244.0.0/16',
    clusterDomain: 'cluster.local',
    version: 'v1.36.0',
    dnsServiceIp: '10.96.0.10',
    dnsPort: 0,
    log: silent,
    clock: realClock,
  });
});
afterAll(async () => {
  await sandbox.close();
  rmSync(dir, {recursive: true, force: true});
});

const manifest = (namespace: string, replicas: number, image: string, strategy = '{}') => `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: ${namespace}}
spec:
  replicas: ${replicas}
  strategy: ${strategy}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: c, image: ${image}, ports: [{containerPort: 80}]}]
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: ${namespace}}
spec: {selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: ${namespace}}
data: {${image}: "yes"}
`;

describe.each(suites)('kubectl of %s', (suite) => {
  const namespace = suite;
  // 1.20 validates against a protobuf form of OpenAPI v2 that is not served.
  const old = suite === 'bookworm';
  const modern = old ? () => undefined : it;
  const words = (args: readonly string[]) => [
    '--kubeconfig',
    sandbox.files.adminKubeconfig,
    '--cache-dir',
    join(dir, `cache-${suite}`),
    '-n',
    namespace,
    ...args,
  ];
  const k = async (...args: string[]) => (await run(kubectl(suite), words(args))).stdout;
  const fails = async (...args: string[]) => (await run(kubectl(suite), words(args), {okCodes: [1]})).stderr;
  const apply = (text: string, ...more: string[]) => {
    const file = join(dir, `${suite}.yaml`);
    writeFileSync(file, text);
    return k('apply', '-f', file, ...(old ? ['--validate=false'] : []), ...more);
  };

  beforeAll(async () => {
    await k('create', 'namespace', namespace);
  });

  it('applies, applies again without a change, and applies changes', async () => {
    const first = manifest(namespace, 2, 'one');
    expect(await apply(first)).toBe(
      'deployment.apps/web created\nservice/web created\nconfigmap/settings created',
    );
    expect(await apply(first)).toContain(
      'deployment.apps/web unchanged\nservice/web unchanged\nconfigmap/settings unchanged',
    );
    expect(await apply(manifest(namespace, 3, 'two', '{type: Recreate}'))).toContain(
      'deployment.apps/web configured',
    );
    expect(await k('get', 'deploy', 'web', '-o', 'jsonpath={.spec.replicas} {.spec.strategy}')).toBe(
      '3 {"type":"Recreate"}',
    );
    expect(await k('get', 'cm', 'settings', '-o', 'jsonpath={.data}')).toBe('{"two":"yes"}');
  });

  modern('refuses unknown fields with the default validation', async () => {
    const file = join(dir, `${suite}-wrong.yaml`);
    writeFileSync(file, 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: wrong}\ndatta: {}\n');
    expect(await fails('apply', '-f', file)).toContain('unknown field "datta"');
  });

  it('prints the columns of each kind', async () => {
    await until('three pods', async () => (await k('get', 'pods', '-o', 'name')).split('\n').length === 3);
    expect(await k('get', 'pods', '-o', 'wide')).toMatch(
      /^NAME +READY +STATUS +RESTARTS +AGE +IP +NODE +NOMINATED NODE +READINESS GATES\nweb-\S+ +0\/1 +Pending/,
    );
    expect(await k('get', 'deploy', '-o', 'wide')).toMatch(
      /^NAME +READY +UP-TO-DATE +AVAILABLE +AGE +CONTAINERS +IMAGES +SELECTOR\nweb +0\/3/,
    );
    expect(await k('get', 'svc')).toMatch(
      /^NAME +TYPE +CLUSTER-IP +EXTERNAL-IP +PORT\(S\) +AGE\nweb +ClusterIP +10\.\S+ +<none> +80\/TCP/,
    );
    expect(await k('get', 'all')).toMatch(
      /pod\/web-[\s\S]*service\/web[\s\S]*deployment.apps\/web[\s\S]*replicaset.apps\/web-/,
    );
    expect(await k('get', 'events')).toMatch(/^LAST SEEN +TYPE +REASON +OBJECT +MESSAGE/);
    expect(await k('get', 'ns', namespace)).toMatch(/^NAME +STATUS +AGE\n\S+ +Active/);
  });

  it('describes', async () => {
    expect(await k('describe', 'deploy', 'web')).toContain('ScalingReplicaSet');
    const [pod = ''] = (await k('get', 'pods', '-o', 'name')).split('\n');
    await until('the event', async () => (await k('describe', pod)).includes('FailedScheduling'));
    expect(await k('describe', 'svc', 'web')).toMatch(/Selector: +app=web/);
    expect(await k('describe', 'ns', namespace)).toContain('Active');
  });

  it('watches', async () => {
    const child: Child = start(kubectl(suite), words(['get', 'pods', '-w', '--no-headers']));
    onTestFinished(() => {
      child.kill('SIGKILL');
    });
    let out = '';
    child.stdout.on('data', (bytes) => {
      out += bytes;
    });
    await until('three pods are listed', () => (out.match(/^web-/gm) ?? []).length >= 3);
    await k('run', 'watched', '--image=x');
    await k('delete', 'pod', 'watched');
    await until('the pod came', () => /^watched +0\/1 +Pending/m.test(out));
    await until('the pod went', () => (out.match(/^watched/gm) ?? []).length >= 2);
  });

  it('scales, labels, annotates and waits', async () => {
    await k('scale', 'deploy', 'web', '--replicas=1');
    expect(await k('get', 'deploy', 'web', '-o', 'jsonpath={.spec.replicas}')).toBe('1');
    await k('label', 'deploy', 'web', 'tier=front');
    expect(await k('get', 'deploy', '-l', 'tier=front', '-o', 'name')).toBe('deployment.apps/web');
    await k('annotate', 'cm', 'settings', 'note=hello');
    expect(await fails('wait', '--for=condition=Ready', 'pods', '-l', 'app=web', '--timeout=1s')).toContain(
      'timed out',
    );
    expect(await k('rollout', 'history', 'deploy', 'web')).toContain('REVISION');
    const progress = await run(
      kubectl(suite),
      words(['rollout', 'status', 'deploy', 'web', '--timeout=1s']),
      {okCodes: [1]},
    );
    expect(progress.stdout).toContain('Waiting for deployment "web" rollout to finish');
  });

  it('asks what it may do', async () => {
    expect(await k('auth', 'can-i', 'create', 'pods')).toBe('yes');
    const no = await run(kubectl(suite), words(['auth', 'can-i', 'get', 'pods', '--as', 'bob']), {
      okCodes: [1],
    });
    expect(no.stdout).toBe('no');
    expect(await fails('get', 'pods', '--as', 'bob')).toContain(
      `User "bob" cannot list resource "pods" in API group "" in the namespace "${namespace}"`,
    );
  });

  modern('creates tokens and explains fields', async () => {
    await until('the account', () =>
      sandbox.client.request('GET', `/api/v1/namespaces/${namespace}/serviceaccounts/default`),
    );
    expect(await k('create', 'token', 'default')).toMatch(/^eyJ[\w-]+\.[\w-]+\.[\w-]+$/m);
    expect(await k('explain', 'deployment.spec.template.spec.containers')).toMatch(/image\s+<string>/);
    expect(await k('auth', 'whoami')).toContain('kubernetes-admin');
  });

  it('creates with its typed commands', async () => {
    await k('create', 'deployment', 'typed', '--image=x');
    await k('create', 'configmap', 'typed', '--from-literal=a=b');
    await k('create', 'secret', 'generic', 'typed', '--from-literal=a=b');
    await k('create', 'rolebinding', 'typed', '--clusterrole=view', '--user=carol');
    await k('expose', 'deployment', 'typed', '--port=80', '--target-port=http');
    expect(await k('get', 'cm', 'typed', '-o', 'jsonpath={.data.a}')).toBe('b');
    expect(await k('get', 'secret', 'typed', '-o', 'jsonpath={.data.a} {.type}')).toBe('Yg== Opaque');
    expect(await k('get', 'svc', 'typed', '-o', 'jsonpath={.spec.ports[0].targetPort}')).toBe('http');
    expect(await k('get', 'pods', '--as', 'carol', '-o', 'name')).toContain('pod/');
  });

  modern('applies on the server', async () => {
    expect(
      await apply(manifest(namespace, 1, 'two', '{type: Recreate}'), '--server-side', '--force-conflicts'),
    ).toContain('serverside-applied');
  });

  it('deletes what it applied, with its dependents, and the namespace', async () => {
    await k('delete', 'deploy,svc,cm', '--all');
    await until('no pod is left', async () => (await k('get', 'pods,rs', '-o', 'name')) === '');
    await k('delete', 'namespace', namespace);
    expect(await fails('get', 'namespace', namespace)).toContain('NotFound');
  });
});

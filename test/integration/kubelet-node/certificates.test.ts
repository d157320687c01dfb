import {X509Certificate} from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import {Agent, get} from 'node:https';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {connect} from 'node:tls';
import {afterAll, afterEach, beforeAll, beforeEach, describe, expect, it} from 'vitest';
import {kubeconfigText} from '../../../src/config/kubeconfig.ts';
import {type KubeletConfig, loadKubeletConfig} from '../../../src/config/kubelet.ts';
import {realClock} from '../../../src/edges/clock.ts';
import {type HttpServer, startHttpServer} from '../../../src/edges/http/http-server.ts';
import {createSelfSigned, generateKey, issueCertificate, publicKeyOf} from '../../../src/edges/trust/x509.ts';
import {openApiAccess} from '../../../src/kubelet/api/api-access.ts';
import {runServing} from '../../../src/kubelet/certificates/serving.ts';
import {Telemetry} from '../../../src/kubelet/stats/metrics/telemetry.ts';
import {describeError} from '../../../src/lib/errors.ts';
import {silent} from '../../../src/lib/log.ts';
import {certificateSigningRequests, nodes, secrets, services} from '../../../src/lib/resources.ts';
import type {Clock} from '../../../src/lib/time.ts';
import {startControlPlane} from '../../../src/sandbox/control-plane.ts';
import type {Sandbox} from '../../../src/sandbox/options.ts';
import {until} from '../support/wait.ts';

const token = {id: 'abcdef', secret: '0123456789abcdef'};
let root: string;
let sandbox: Sandbox;
let round = 0;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'nodectl-certificates-'));
  sandbox = await startControlPlane({
    stateDir: join(root, 'api'),
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
  await sandbox.client.create(secrets, {
    metadata: {name: `bootstrap-token-${token.id}`, namespace: 'kube-system'},
    type: 'bootstrap.kubernetes.io/token',
    stringData: {
      'token-id': token.id,
      'token-secret': token.secret,
      'usage-bootstrap-authentication': 'true',
      'auth-extra-groups': 'system:bootstrappers:kubeadm:default-node-token',
    },
  });
});
afterAll(async () => {
  await sandbox?.close();
  rmSync(root, {recursive: true, force: true});
});

let node: string;
let dir: string;
let config: KubeletConfig;
let stop: AbortController;
const closing: (() => unknown)[] = [];
beforeEach(() => {
  node = `node-${++round}`;
  dir = join(root, node);
  mkdirSync(join(dir, 'pki'), {recursive: true});
  stop = new AbortController();
  config = configOf('rotateCertificates: true\n');
});
afterEach(async () => {
  stop.abort(new Error('the test is over'));
  for (const close of closing.splice(0)) await close();
});

function configOf(fields: string): KubeletConfig {
  const text = `apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n${fields}`;
  const flags = {
    certDir: join(dir, 'pki'),
    kubeconfig: join(dir, 'kubelet.conf'),
    bootstrapKubeconfig: join(dir, 'bootstrap.conf'),
    rootDir: dir,
  };
  return loadKubeletConfig([{path: join(dir, 'config.yaml'), text}], flags, node).config;
}

/** A certificate of the cluster for this node, 95 of its 100 parts gone or more. */
async function issue(
  leftMs: number,
  usage: 'client auth' | 'server auth',
): Promise<{cert: string; key: string}> {
  const key = generateKey();
  const lifeMs = 3_600_000;
  const cert = await issueCertificate({
    ca: sandbox.ca,
    commonName: `system:node:${node}`,
    organizations: ['system:nodes'],
    ipAddresses: usage === 'server auth' ? ['127.0.0.1'] : [],
    subject: {publicKey: publicKeyOf(key)},
    usages: ['digital signature', usage],
    notBefore: new Date(Date.now() + leftMs - lifeMs),
    days: lifeMs / 86_400_000,
  });
  return {cert, key};
}

/** As a bootstrap leaves it: a dated file, a link to it, and a kubeconfig that names the link. */
async function joined(leftMs: number): Promise<string> {
  const {cert, key} = await issue(leftMs, 'client auth');
  const [pem, current] = ['kubelet-client-2026-01-01-00-00-00.pem', 'kubelet-client-current.pem'].map(
    (name) => join(dir, 'pki', name),
  ) as [string, string];
  writeFileSync(pem, cert + key, {mode: 0o600});
  symlinkSync(pem, current);
  const names = {server: sandbox.url, caData: sandbox.ca.cert, certFile: current, keyFile: current};
  writeFileSync(config.kubeconfig, kubeconfigText(names));
  return current;
}

function leaveBootstrap(): void {
  const text = kubeconfigText({
    server: sandbox.url,
    caData: sandbox.ca.cert,
    token: `${token.id}.${token.secret}`,
  });
  writeFileSync(config.bootstrapKubeconfig, text);
}

const expiry = (pem: string) => new X509Certificate(readFileSync(pem)).validToDate.getTime();
const passed = (atMs: number) => until('its end has passed', () => Date.now() > atMs, {timeoutMs: 15_000});

async function open() {
  const said: string[] = [];
  const log = {
    ...silent,
    warn: (text: string, fields?: object) => said.push(`${text} ${JSON.stringify(fields)}`),
  };
  const telemetry = new Telemetry(0);
  const access = await openApiAccess({
    config,
    clock: realClock,
    log,
    signal: stop.signal,
    metrics: telemetry.certificates,
  });
  closing.push(() => access.close());
  const metric = async (name: string) =>
    Number(new RegExp(`^${name} (.*)$`, 'm').exec(await telemetry.registry.metrics())?.[1]);
  return {...access, said, metric};
}

function rotating(access: Awaited<ReturnType<typeof open>>): void {
  const done = access.rotate(stop.signal);
  closing.push(() => done);
}

describe('the client certificate', () => {
  it('is renewed before it ends, and every connection goes on with the new one', async () => {
    const current = await joined(6_000);
    const [oldFile, oldEnd] = [readlinkSync(current), expiry(current)];
    const access = await open();
    expect(await access.metric('kubelet_certificate_manager_client_ttl_seconds')).toBeLessThanOrEqual(6);
    let ended = false;
    const watching = (async () => {
      for await (const {type} of access.client.watch(services, {}, stop.signal)) expect(type).toBe('ADDED');
    })().catch(() => {
      ended = true;
    });
    await access.heartbeats.list(services);
    rotating(access);
    await until('another certificate', () => readlinkSync(current) !== oldFile);
    expect(readlinkSync(current)).toMatch(/kubelet-client-\d{4}(-\d\d){5}\.pem$/);
    // A watch under the old one is ended, so that nothing outlives it.
    await until('the old watch has ended', () => ended);
    await watching;
    await passed(oldEnd);
    for (const client of [access.client, access.heartbeats]) await client.list(services);
    expect(await access.metric('kubelet_certificate_manager_client_ttl_seconds')).toBeGreaterThan(3_600);
    const {items} = await sandbox.client.list(certificateSigningRequests);
    expect(items.filter(({spec}) => spec.username === `system:node:${node}`)).toHaveLength(1);
  });

  it('that the kubeconfig itself holds only serves to get another one, at once and once', async () => {
    const {cert, key} = await issue(3_500_000, 'client auth');
    const kubeconfig = {server: sandbox.url, caData: sandbox.ca.cert, certData: cert, keyData: key};
    writeFileSync(config.kubeconfig, kubeconfigText(kubeconfig));
    const current = join(dir, 'pki', 'kubelet-client-current.pem');
    const access = await open();
    rotating(access);
    await until('a certificate of its own', () => !readFileSync(current, 'utf8').includes(cert.trim()));
    await access.client.list(services);
    const again = await open();
    rotating(again);
    await again.client.list(services);
    const {items} = await sandbox.client.list(certificateSigningRequests);
    expect(items.filter(({spec}) => spec.username === `system:node:${node}`)).toHaveLength(1);
  });

  it('that expired while the node was down is named, when there is nothing to ask with', async () => {
    await joined(-1_000);
    const error: unknown = await open().catch((cause: unknown) => cause);
    expect(error).toMatchObject({code: 'ND722'});
    expect(describeError(error)).toMatch(/expired at \d{4}-.* and there is no bootstrap kubeconfig/);
  });

  it('that expired while the node was down is asked for anew with the bootstrap token', async () => {
    const current = await joined(-1_000);
    leaveBootstrap();
    const access = await open();
    expect(expiry(current)).toBeGreaterThan(Date.now());
    await access.client.list(services);
    expect(readFileSync(config.kubeconfig, 'utf8')).toContain(current);
  });

  it('that ends while the API server is away is named, and asked for anew once there is a token', async () => {
    const current = await joined(3_000);
    const access = await open();
    await passed(expiry(current));
    rotating(access);
    await until('it says so', () =>
      access.said.some((line) => line.includes('and there is no bootstrap kubeconfig')),
    );
    expect(await access.metric('kubelet_certificate_manager_client_expiration_renew_errors')).toBeGreaterThan(
      0,
    );
    leaveBootstrap();
    await until('a new one', () => expiry(current) > Date.now());
    await until('the API server answers', () => access.client.list(services));
  });
});

/** Timers that fire when the test says so. */
function steppedClock(): Clock & {step(): void} {
  const timers = new Set<() => void>();
  return {
    ...realClock,
    after(_ms, fn) {
      timers.add(fn);
      return () => timers.delete(fn);
    },
    step() {
      for (const fn of [...timers]) {
        timers.delete(fn);
        fn();
      }
    },
  };
}

/** An https server that answers when it is told to, with a connection that began before its certificate changed. */
async function serving(options: {
  config: KubeletConfig;
  clock: Clock;
  client?: Parameters<typeof runServing>[0]['client'];
}) {
  let server: HttpServer | undefined;
  let opening: Promise<unknown> = Promise.resolve();
  const waiting: (() => void)[] = [];
  const done = runServing(
    {
      client: undefined,
      log: silent,
      addresses: () => [{type: 'InternalIP', address: '127.0.0.1'}],
      onFailed: () => undefined,
      ...options,
      onCertificate: (pair) => {
        opening = opening.then(async () => {
          const tls = {...pair, clientCa: ''};
          if (server !== undefined) return server.replaceTls(tls);
          server = await startHttpServer({
            address: '127.0.0.1',
            port: 0,
            tls: {...tls, minVersion: 'TLSv1.2'},
            onRequest: (_, response) => waiting.push(() => response.end('done')),
          });
        });
      },
    },
    stop.signal,
  );
  closing.push(async () => {
    await done.catch(() => undefined);
    await server?.close();
  });
  const {port} = await until('the server', () => server);
  const agent = new Agent({keepAlive: true, maxSockets: 1, rejectUnauthorized: false});
  closing.push(() => agent.destroy());
  return {
    serial: () =>
      new Promise<string>((resolve, reject) => {
        const socket = connect({host: '127.0.0.1', port, rejectUnauthorized: false}, () => {
          resolve(socket.getPeerCertificate().serialNumber);
          socket.destroy();
        });
        socket.once('error', reject);
      }),
    /** A request on a connection that is kept; `answer` lets it end. */
    async ask() {
      const before = waiting.length;
      const answered = new Promise<boolean>((resolve, reject) =>
        get({host: '127.0.0.1', port, agent}, (response) => {
          response.resume().once('end', () => resolve(response.socket === undefined));
        }).once('error', reject),
      );
      answered.catch(() => undefined);
      await until('the request has arrived', () => waiting.length > before);
      return {answered, answer: () => waiting[before]?.()};
    },
  };
}

describe('the serving certificate', () => {
  const serialOf = (cert: string) => new X509Certificate(cert).serialNumber;

  it('is taken from its files again when both have changed, and open requests go on', async () => {
    const [first, second] = (await Promise.all(
      [1, 2].map(() => createSelfSigned({commonName: node, days: 1})),
    )) as [{cert: string; key: string}, {cert: string; key: string}];
    const [certFile, keyFile] = [join(dir, 'tls.crt'), join(dir, 'tls.key')];
    writeFileSync(certFile, first.cert);
    writeFileSync(keyFile, first.key);
    const clock = steppedClock();
    config = configOf(`tlsCertFile: ${certFile}\ntlsPrivateKeyFile: ${keyFile}\n`);
    const server = await serving({config, clock});
    const open1 = await server.ask();
    expect(await server.serial()).toBe(serialOf(first.cert));
    // Half of a pair is no pair.
    writeFileSync(certFile, second.cert);
    clock.step();
    expect(await server.serial()).toBe(serialOf(first.cert));
    writeFileSync(keyFile, second.key);
    await until('the second certificate', async () => {
      clock.step();
      return (await server.serial()) === serialOf(second.cert);
    });
    open1.answer();
    await open1.answered;
  });

  it('is made by the kubelet where the configuration only names its own files', async () => {
    const [certFile, keyFile] = [join(dir, 'pki', 'kubelet.crt'), join(dir, 'pki', 'kubelet.key')];
    config = configOf(`tlsCertFile: ${certFile}\ntlsPrivateKeyFile: ${keyFile}\n`);
    const server = await serving({config, clock: realClock});
    expect(await server.serial()).toBe(serialOf(readFileSync(certFile, 'utf8')));
  });

  it('of the cluster is renewed by the cluster before it ends, and open requests go on', async () => {
    config = configOf('serverTLSBootstrap: true\n');
    await joined(3_600_000);
    await sandbox.client.create(nodes, {metadata: {name: node}});
    await sandbox.client.patch(
      nodes,
      {name: node, subresource: 'status'},
      {type: 'merge', body: {status: {addresses: [{type: 'InternalIP', address: '127.0.0.1'}]}}},
    );
    const old = await issue(60_000, 'server auth');
    const pem = join(dir, 'pki', 'kubelet-server-2026-01-01-00-00-00.pem');
    writeFileSync(pem, old.cert + old.key, {mode: 0o600});
    symlinkSync(pem, join(dir, 'pki', 'kubelet-server-current.pem'));
    const {client} = await open();
    const server = await serving({config, clock: realClock, client});
    const open1 = await server.ask();
    await until('another certificate', async () => (await server.serial()) !== serialOf(old.cert));
    expect(await server.serial()).toBe(
      serialOf(readFileSync(join(dir, 'pki', 'kubelet-server-current.pem'), 'utf8')),
    );
    open1.answer();
    await open1.answered;
  });
});

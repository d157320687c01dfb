import {type ChildProcess, spawn} from 'node:child_process';
import {X509Certificate} from 'node:crypto';
import {mkdir, readdir, readFile, writeFile} from 'node:fs/promises';
import type {IncomingHttpHeaders} from 'node:http';
import {request as httpsRequest} from 'node:https';
import {join} from 'node:path';
import {type TLSSocket, connect as tlsConnect} from 'node:tls';
import WebSocket from 'ws';
import {smallHeap} from '../../../src/bootstrap/learn/node-files.ts';
import {
  createCa,
  createSelfSigned,
  generateKey,
  issueCertificate,
  publicKeyOf,
} from '../../../src/edges/trust/x509.ts';
import {type ContainerdOptions, startContainerd, type TestContainerd} from '../support/containerd.ts';
import {busyboxImage} from '../support/images.ts';
import {connectNetns} from '../support/netns.ts';
import {until} from '../support/wait.ts';
import type {ServeOptions} from './serve.ts';

// A /30 of this run's own: what a killed run left must not be on the way.
const host = `10.79.${process.pid % 256}.1`;
export const inside = `10.79.${process.pid % 256}.2`;
const port = 10250;

export type Answer = {readonly code: number; readonly body: string; readonly headers: IncomingHttpHeaders};
export type Ask = {
  readonly method?: string;
  readonly token?: string;
  readonly cert?: {readonly cert: string; readonly key: string};
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly onData?: (chunk: string, stop: () => void) => void;
};

export type Fixture = {
  readonly containerd: TestContainerd;
  readonly server: {readonly pid: number};
  readonly masters: {readonly cert: string; readonly key: string};
  readonly stranger: {readonly cert: string; readonly key: string};
  readonly logDir: string;
  readonly containerId: string;
  ask(path: string, how?: Ask): Promise<Answer>;
  socket(path: string, protocol: string, how?: Ask): WebSocket;
  raw(how?: Ask): Promise<TLSSocket>;
  renewCertificate(): void;
  fds(): Promise<number>;
  rssBytes(): Promise<number>;
  remove(): Promise<void>;
};

/** A containerd with one pod (a shell that counts and an httpd), and the kubelet's server beside it. */
export async function startFixture(extraConfig = '', runtime: ContainerdOptions = {}): Promise<Fixture> {
  const containerd = await startContainerd(runtime);
  let child: ChildProcess | undefined;
  try {
    await connectNetns(containerd.netns, {host, inside});
    const logDir = join(containerd.layout.podLogDir, 'default_web_uid-1');
    const {sandboxId, ids} = await startPod(containerd, logDir);
    const pki = await makePki();
    const options: ServeOptions = {
      endpoint: containerd.endpoint,
      configText: `apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\npodLogsDir: ${containerd.layout.podLogDir}\nport: ${port}\nfailCgroupV1: false\nenableSystemLogHandler: true\n${extraConfig}`,
      pod: {namespace: 'default', name: 'web', uid: 'uid-1', sandboxId},
      containers: ids,
      logs: Object.fromEntries(Object.keys(ids).map((name) => [name, join(logDir, name, '0.log')])),
      tls: {...pki.serving, clientCa: pki.ca},
      nextTls: pki.nextServing,
    };
    child = await startServer(containerd, options);
    return fixture(containerd, child, pki, logDir, ids.shell ?? '');
  } catch (error) {
    child?.kill('SIGKILL');
    await containerd.remove();
    throw error;
  }
}

async function makePki() {
  const ca = await createCa('kubernetes', 10);
  const issue = async (authority: typeof ca) => {
    const key = generateKey();
    const cert = await issueCertificate({
      ca: authority,
      commonName: 'apiserver',
      organizations: ['system:masters'],
      subject: {publicKey: publicKeyOf(key)},
      usages: ['digital signature', 'client auth'],
      days: 1,
    });
    return {cert, key};
  };
  const names = {commonName: 'n1', ipAddresses: [inside], days: 1};
  return {
    ca: ca.cert,
    masters: await issue(ca),
    stranger: await issue(await createCa('kubernetes', 10)),
    serving: await createSelfSigned(names),
    nextServing: await createSelfSigned({...names, commonName: 'n1-next'}),
  };
}

/** `shell` prints one line every 50 ms; `httpd` answers on port 8080. */
async function startPod(containerd: TestContainerd, logDir: string) {
  const {runtime} = containerd.cri;
  await mkdir(logDir, {recursive: true});
  const config = {
    metadata: {name: 'web', namespace: 'default', uid: 'uid-1', attempt: 0},
    hostname: 'web',
    logDirectory: logDir,
    labels: {
      'io.kubernetes.pod.name': 'web',
      'io.kubernetes.pod.namespace': 'default',
      'io.kubernetes.pod.uid': 'uid-1',
    },
    linux: {},
  };
  const {podSandboxId} = await runtime.runPodSandbox({config});
  const start = async (name: string, script: string): Promise<[string, string]> => {
    await mkdir(join(logDir, name), {recursive: true});
    const {containerId} = await runtime.createContainer({
      podSandboxId,
      sandboxConfig: config,
      config: {
        metadata: {name, attempt: 0},
        image: {image: busyboxImage},
        command: ['sh', '-c', script],
        labels: {...config.labels, 'io.kubernetes.container.name': name},
        logPath: `${name}/0.log`,
        linux: {},
      },
    });
    await runtime.startContainer({containerId});
    return [name, containerId];
  };
  const ids = Object.fromEntries([
    await start('shell', 'trap exit TERM; n=0; while true; do n=$((n+1)); echo line $n; sleep 0.05; done'),
    await start('httpd', 'echo hello > /tmp/index.html; exec httpd -f -p 8080 -h /tmp'),
  ]);
  return {sandboxId: podSandboxId, ids};
}

/** As the kubelet's unit starts it, memory's thresholds too. The generated CRI code has enums, which are more than types to strip. */
const transform = ['--experimental-transform-types', '--no-warnings'];

async function startServer(containerd: TestContainerd, options: ServeOptions): Promise<ChildProcess> {
  const file = join(containerd.dir, 'serve.json');
  await writeFile(file, JSON.stringify(options));
  const script = join(import.meta.dirname, 'serve.ts');
  const child = spawn(
    'nsenter',
    [`--net=${containerd.netns.path}`, process.execPath, ...transform, script, file],
    {env: {...process.env, ...smallHeap}},
  );
  let output = '';
  child.stdout.on('data', (chunk) => (output += chunk));
  child.stderr.on('data', (chunk) => (output += chunk));
  await until('the server listens', () => {
    if (child.exitCode !== null) throw new Error(output);
    return output.includes('ready');
  });
  return child;
}

function fixture(
  containerd: TestContainerd,
  child: ChildProcess,
  pki: Awaited<ReturnType<typeof makePki>>,
  logDir: string,
  containerId: string,
): Fixture {
  const pid = child.pid ?? 0;
  const credentials = ({token, cert, headers}: Ask) => ({
    rejectUnauthorized: false,
    headers: {...headers, ...(token === undefined ? {} : {Authorization: `Bearer ${token}`})},
    ...cert,
  });
  return {
    containerd,
    server: {pid},
    masters: pki.masters,
    stranger: pki.stranger,
    logDir,
    containerId,
    ask: (path, how = {}) => ask(path, how, credentials(how)),
    socket: (path, protocol, how = {}) =>
      new WebSocket(`wss://${inside}:${port}${path}`, protocol, credentials(how)),
    raw: (how = {}) =>
      new Promise((resolve, reject) => {
        const socket = tlsConnect({host: inside, port, ...credentials(how)}, () => resolve(socket));
        socket.once('error', reject);
      }),
    renewCertificate: () => process.kill(pid, 'SIGHUP'),
    fds: async () => (await readdir(`/proc/${pid}/fd`)).length,
    rssBytes: async () =>
      Number(/^VmRSS:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024,
    async remove() {
      child.kill('SIGKILL');
      await containerd.remove();
    },
  };
}

function ask(path: string, {method, body: sent, onData}: Ask, credentials: object): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      {host: inside, port, path, method: method ?? 'GET', agent: false, ...credentials},
      (response) => {
        let body = '';
        const done = () => resolve({code: response.statusCode ?? 0, body, headers: response.headers});
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          body += chunk;
          onData?.(body, () => {
            request.destroy();
            done();
          });
        });
        response.once('end', done);
        response.once('error', done);
      },
    );
    request.once('error', reject);
    request.end(sent);
  });
}

export function commonName(socket: TLSSocket): string {
  return new X509Certificate(socket.getPeerCertificate().raw).subject.replace('CN=', '');
}

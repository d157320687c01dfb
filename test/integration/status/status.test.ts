import {cpSync, readFileSync, renameSync, writeFileSync} from 'node:fs';
import {afterAll, beforeAll, expect, it} from 'vitest';
import {createCa, generateKey, issueCertificate, publicKeyOf} from '../../../src/edges/x509.ts';
import {KubeCli} from '../support/kube-cli.ts';
import {createLan, type Lan, type Machine} from '../support/machine.ts';
import {until} from '../support/wait.ts';
import {startDaemon, stopDaemon} from './daemons.ts';

let lan: Lan;
let machine: Machine;
let kube: KubeCli | undefined;

beforeAll(async () => {
  lan = await createLan();
  machine = await lan.machine('status');
  await machine.nodectl(['sandbox', 'up']);
  kube = new KubeCli(machine, 'trixie');
});
afterAll(async () => {
  kube?.remove();
  await lan?.remove();
});

type Look = {readonly first: string; readonly exit: number; readonly text: string; readonly ms: number};

async function look(...args: readonly string[]): Promise<Look> {
  const startMs = performance.now();
  const {stdout, exitCode} = await machine.nodectl(['status', ...args], {
    okCodes: [0, 1, 2, 3, 4, 5, 6, 7, 8],
    timeoutMs: 30_000,
  });
  const ms = performance.now() - startMs;
  return {first: stdout.split('\n')[0] ?? '', exit: exitCode, text: stdout, ms};
}

const healthy = () =>
  until('the node is healthy', async () => (await look()).exit === 0, {timeoutMs: 90_000, everyMs: 500});

type Fault = {
  readonly name: string;
  readonly code: string;
  readonly exit: number;
  /** Other codes that are told too, because they are faults of their own. */
  readonly also?: readonly string[];
  readonly says: RegExp;
  doIt(): Promise<unknown>;
  undo(): Promise<unknown>;
};

const sysctl = (value: string) => machine.run('sysctl', ['-qw', `net.ipv4.ip_forward=${value}`]);
const stop = (name: string) => stopDaemon(machine, name);
const start = (name: string) => startDaemon(machine, name);
const configYaml = () => machine.path('/var/lib/kubelet/config.yaml');
const certificate = () => machine.path('/var/lib/kubelet/pki/kubelet-client-current.pem');
const conflist = () => machine.path('/etc/cni/net.d/10-nodectl.conflist');
const move = (path: string, from: string, to: string) => renameSync(`${path}${from}`, `${path}${to}`);

/** The leaf that the node had, issued again by the same CA for a day of the past. */
async function expiredCertificate(): Promise<string> {
  const pki = machine.path('/var/lib/nodectl/sandbox/state/pki');
  const ca = {cert: readFileSync(`${pki}/ca.crt`, 'utf8'), key: readFileSync(`${pki}/ca.key`, 'utf8')};
  const key = generateKey();
  const cert = await issueCertificate({
    ca,
    commonName: 'system:node:status',
    organizations: ['system:nodes'],
    subject: {publicKey: publicKeyOf(key)},
    usages: ['digital signature', 'client auth'],
    notBefore: new Date(Date.now() - 3 * 86_400_000),
    days: 1,
  });
  return cert + key;
}

const imagePod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: {name: 'nope', namespace: 'default'},
  spec: {containers: [{name: 'main', image: 'registry.invalid/nope:1'}]},
};

const faults: readonly Fault[] = [
  {
    name: 'containerd is stopped',
    code: 'ND501',
    exit: 6,
    says: /containerd is not running.*nodectl restart containerd/s,
    doIt: () => stop('containerd'),
    undo: () => machine.nodectl(['restart', 'containerd']),
  },
  {
    name: 'the kubelet is stopped',
    code: 'ND733',
    exit: 7,
    says: /the kubelet is not running.*nodectl restart kubelet/s,
    doIt: () => stop('nodectl-kubelet'),
    undo: () => machine.nodectl(['restart', 'kubelet']),
  },
  {
    name: 'the kubelet’s configuration has an unknown value',
    code: 'ND701',
    exit: 2,
    says: /maxPods/,
    async doIt() {
      cpSync(configYaml(), `${configYaml()}.good`);
      writeFileSync(configYaml(), `${readFileSync(configYaml(), 'utf8')}maxPods: many\n`);
      await machine.nodectl(['restart', 'kubelet']);
    },
    async undo() {
      move(configYaml(), '.good', '');
      await machine.nodectl(['restart', 'kubelet']);
    },
  },
  {
    name: 'the kubelet ends in a loop',
    code: 'ND703',
    exit: 7,
    says: /the kubelet (has ended|ends).*nodectl logs kubelet/s,
    async doIt() {
      // A valid configuration that it cannot follow: its log directory is a file.
      cpSync(configYaml(), `${configYaml()}.good`);
      const text = readFileSync(configYaml(), 'utf8').replace(
        /^podLogsDir: .*$/m,
        'podLogsDir: /proc/version',
      );
      writeFileSync(configYaml(), text);
      await machine.nodectl(['restart', 'kubelet']);
    },
    async undo() {
      move(configYaml(), '.good', '');
      await machine.nodectl(['restart', 'kubelet']);
    },
  },
  {
    name: 'the proxy is stopped',
    code: 'ND734',
    exit: 7,
    says: /the service proxy is not running.*nodectl restart proxy/s,
    doIt: () => stop('nodectl-proxy'),
    undo: () => machine.nodectl(['restart', 'proxy']),
  },
  {
    name: 'the service rules are deleted while the proxy is stopped',
    code: 'ND734',
    exit: 7,
    also: ['ND737'],
    says: /the kernel has no service rules/,
    async doIt() {
      await stop('nodectl-proxy');
      await machine.run('nft', ['delete', 'table', 'ip', 'nodectl-proxy']);
      await machine.run('nft', ['delete', 'table', 'ip6', 'nodectl-proxy']);
    },
    undo: () => start('nodectl-proxy'),
  },
  {
    name: 'the API server is down',
    code: 'ND311',
    exit: 5,
    says: /API server is down.*nodectl sandbox up/s,
    doIt: () => stop('nodectl-sandbox'),
    undo: () => start('nodectl-sandbox'),
  },
  {
    name: 'the Node is deleted while the kubelet is stopped',
    code: 'ND733',
    exit: 7,
    also: ['ND741'],
    says: /the cluster does not know this node/,
    async doIt() {
      await stop('nodectl-kubelet');
      await kube?.text('delete', 'node', 'status');
    },
    undo: () => start('nodectl-kubelet'),
  },
  {
    name: 'the certificate has expired',
    code: 'ND417',
    exit: 4,
    says: /certificate expired on .*nodectl reset/s,
    async doIt() {
      await stop('nodectl-kubelet');
      move(certificate(), '', '.good');
      writeFileSync(certificate(), await expiredCertificate());
    },
    async undo() {
      move(certificate(), '.good', '');
      await start('nodectl-kubelet');
    },
  },
  {
    name: 'the certificate is of another CA',
    code: 'ND415',
    exit: 4,
    says: /certificate is of another CA/,
    async doIt() {
      const ca = await createCa('stranger', 10);
      const key = generateKey();
      const cert = await issueCertificate({
        ca,
        commonName: 'system:node:status',
        organizations: ['system:nodes'],
        subject: {publicKey: publicKeyOf(key)},
        usages: ['digital signature', 'client auth'],
        days: 5,
      });
      move(certificate(), '', '.good');
      writeFileSync(certificate(), cert + key);
    },
    undo: async () => move(certificate(), '.good', ''),
  },
  {
    name: 'the kubelet’s disk is full',
    code: 'ND106',
    exit: 3,
    says: /disk of \/var\/lib\/kubelet is full.*df -h/s,
    async doIt() {
      await stop('nodectl-kubelet');
      await machine.run('mkdir', ['/tmp/kept']);
      await machine.run('cp', ['-a', '/var/lib/kubelet/pki', '/var/lib/kubelet/config.yaml', '/tmp/kept/']);
      await machine.run('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'full', '/var/lib/kubelet']);
      await machine.run('cp', ['-a', '/tmp/kept/pki', '/tmp/kept/config.yaml', '/var/lib/kubelet/']);
      await machine.run('dd', ['if=/dev/zero', 'of=/var/lib/kubelet/fill', 'bs=64k'], {okCodes: [1]});
    },
    async undo() {
      await machine.run('umount', ['/var/lib/kubelet']);
      await machine.run('rm', ['-r', '/tmp/kept']);
      await start('nodectl-kubelet');
    },
  },
  {
    name: 'the CNI configuration is gone',
    code: 'ND705',
    exit: 8,
    says: /no CNI configuration in \/etc\/cni\/net.d/,
    doIt: async () => move(conflist(), '', '.away'),
    undo: async () => move(conflist(), '.away', ''),
  },
  {
    name: 'IP forwarding is off',
    code: 'ND122',
    exit: 3,
    says: /IP forwarding is off: sudo sysctl -w net.ipv4.ip_forward=1/,
    doIt: () => sysctl('0'),
    undo: () => sysctl('1'),
  },
  {
    name: 'an image does not exist',
    code: 'ND511',
    exit: 1,
    says: /default\/nope waits for its image.*describe pod nope/s,
    doIt: async () => kube?.create(imagePod),
    undo: async () => kube?.text('delete', 'pod', 'nope', '--now'),
  },
];

it('finds nothing on a healthy node, twenty times', async () => {
  await healthy();
  const spans: number[] = [];
  for (let round = 0; round < 20; round++) {
    const {text, exit, ms} = await look();
    expect(text).toMatch(/^healthy: node status has nothing wrong\n/);
    expect(exit).toBe(0);
    spans.push(ms);
  }
  expect(Math.min(...spans)).toBeLessThan(5000);
});

it.for(faults)('says in its first line that $name', {timeout: 240_000}, async (fault) => {
  await healthy();
  await fault.doIt();
  try {
    const found = await until(
      `the first line says ${fault.code}`,
      async () => {
        const seen = await look();
        if (seen.first.startsWith(`${fault.code} `)) return seen;
        throw new Error(seen.text);
      },
      {timeoutMs: 45_000, everyMs: 500},
    );
    expect(found.exit).toBe(fault.exit);
    expect(found.text).toMatch(fault.says);
    const codes = [...found.text.matchAll(/^(ND\d{3}) /gm)].map(([, code]) => code);
    expect(codes).toEqual([fault.code, ...(fault.also ?? [])]);
    expect(found.ms).toBeLessThan(15_000);
    for (const line of found.text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  } finally {
    await fault.undo();
  }
  await healthy();
});

it('tells scripts the same, in JSON and YAML, and waits', async () => {
  await stop('nodectl-proxy');
  try {
    const json = JSON.parse((await look('-o', 'json')).text);
    expect(json).toMatchObject({kind: 'NodeStatus', state: 'failed', cause: {code: 'ND734'}});
    expect((await look('-o', 'yaml')).text).toContain('code: ND734');
    expect((await look('--only', 'ND501')).exit).toBe(0);
    expect((await look('--category', 'proxy')).exit).toBe(7);
    const waiting = look('--wait=60');
    await start('nodectl-proxy');
    expect((await waiting).exit).toBe(0);
  } finally {
    await start('nodectl-proxy');
  }
});

it('says what it could not see without root', async () => {
  const nobody = ['--reuid=65534', '--regid=65534', '--clear-groups', '/usr/local/bin/nodectl', 'status'];
  const {stdout, exitCode} = await machine.run('setpriv', nobody, {okCodes: [1]});
  expect(exitCode).toBe(1);
  expect(stdout).toMatch(/^ND101 not root/);
  expect(stdout).toMatch(/not seen: .*ContainerRuntime/s);
});

it('shows a daemon’s log and follows it', async () => {
  const {stdout} = await machine.nodectl(['logs', 'containerd', '--lines', '3']);
  expect(stdout.split('\n')).toHaveLength(3);
  const following = machine.start('/nodectl', ['logs', 'proxy', '-f', '--lines', '0']);
  const added = new Promise<string>((resolve) => {
    following.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString('utf8')));
  });
  try {
    await until('it follows', async () => {
      await machine.run('sh', ['-c', 'echo one line more >>/var/log/nodectl/nodectl-proxy.log']);
      return (await Promise.race([added, undefined])) !== undefined;
    });
    expect(await added).toContain('one line more');
  } finally {
    // nsenter passes no signal on: the process in the machine is ended there.
    const {stdout: pids} = await machine.run('pgrep', ['-f', 'logs proxy -f'], {okCodes: [0, 1]});
    await machine.run('kill', pids.split('\n'), {okCodes: [0, 1]});
    await following;
  }
});

it('says that a machine has not joined', async () => {
  const other = await lan.machine('fresh');
  const {stdout, exitCode} = await other.nodectl(['status'], {okCodes: [7]});
  expect(exitCode).toBe(7);
  expect(stdout).toMatch(/^ND731 this machine has not joined a cluster/);
});

import {existsSync} from 'node:fs';
import {mkdtemp, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join as path} from 'node:path';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {type RunResult, run} from '../../../src/edges/process/exec.ts';
import {createLan, type Lan, type Machine} from '../support/machine.ts';
import {type Traces, traces} from '../support/traces.ts';
import {until} from '../support/wait.ts';
import {judge, look} from './cis.ts';
import type {Probed} from './kubelet-routes.ts';

/** A second machine joins a sandbox with the words that the sandbox prints, and is reset again. */
let lan: Lan | undefined;
let control: Machine;
let worker: Machine;
let before: Traces;
/** `HOST:PORT --token … --discovery-token-ca-cert-hash …` */
let words: readonly string[];

const anyExit = {okCodes: Array.from({length: 256}, (_, code) => code)};

beforeAll(async () => {
  lan = await createLan();
  control = await lan.machine('control');
  worker = await lan.machine('worker');
  await makeOwn();
  before = await traces(worker);
  await control.nodectl(['sandbox', 'up']);
  const {stdout} = await control.nodectl(['sandbox', 'token']);
  words = stdout
    .trim()
    .split(/\s+/)
    .slice(stdout.trim().split(/\s+/).indexOf('join') + 1);
}, 600_000);
afterAll(() => lan?.remove());

/** The machine has no nft of its own before it joins. */
function nft(...words: string[]): Promise<RunResult> {
  return run('nsenter', [`--net=/proc/${worker.pid}/ns/net`, 'nft', ...words]);
}

let ownRules: string;

/** What the machine had before: rules in a table that iptables-nft shares, a directory of ours, a hardened setting. */
async function makeOwn(): Promise<void> {
  await nft('add table ip filter; add chain ip filter OWN');
  await nft('add chain ip filter FORWARD {type filter hook forward priority 0; policy accept; }');
  await nft('add rule ip filter FORWARD jump OWN');
  ownRules = (await nft('list', 'ruleset')).stdout;
  await worker.run('mkdir', ['-m', '0755', '/var/log/pods']);
  await worker.run('sh', ['-c', 'echo 0 >/proc/sys/net/ipv4/conf/all/accept_redirects']);
}

function join(...more: string[]): Promise<RunResult> {
  return worker.nodectl(['join', ...words, ...more], anyExit);
}

/** What was killed takes a moment to be reaped. */
async function untouched(message?: string): Promise<void> {
  await expect.poll(() => traces(worker), {timeout: 5000, message}).toEqual(before);
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** Asks the worker's kubelet for everything, on the other machine. */
async function probeFromControl(): Promise<Probed> {
  const dir = await mkdtemp(path(tmpdir(), 'nodectl-cis-'));
  try {
    const kubeconfig = path(dir, 'admin.conf');
    await writeFile(kubeconfig, (await control.nodectl(['sandbox', 'kubeconfig'])).stdout, {mode: 0o600});
    const script = path(import.meta.dirname, 'kubelet-routes.ts');
    const words = [`--net=/proc/${control.pid}/ns/net`, process.execPath, script, kubeconfig, 'worker'];
    return JSON.parse((await run('nsenter', [...words, worker.address], {timeoutMs: 60_000})).stdout);
  } finally {
    await rm(dir, {recursive: true});
  }
}

function replaced(word: string, by: string): string[] {
  return words.map((w) => (w === word ? by : w));
}

describe('input that cannot work', () => {
  const token = () => words[words.indexOf('--token') + 1] ?? '';
  const pin = () => words.find((word) => word.startsWith('sha256:')) ?? '';
  const server = () => words[0] ?? '';
  const cases: readonly [string, () => string[], string, number][] = [
    ['a malformed token', () => replaced(token(), 'abc.def'), 'ND401', 2],
    ['a token that has expired', () => replaced(token(), 'abcdef.0123456789abcdef'), 'ND402', 4],
    [
      'a token with a wrong secret',
      () => replaced(token(), `${token().slice(0, 7)}0123456789abcdef`),
      'ND403',
      4,
    ],
    ['a wrong pin', () => replaced(pin(), `sha256:${'0'.repeat(64)}`), 'ND405', 4],
    ['no pin', () => words.slice(0, 3), 'ND408', 2],
    ['a port where nothing listens', () => replaced(server(), server().replace(/\d+$/, '1')), 'ND311', 5],
    ['an address that nobody has', () => replaced(server(), '192.168.77.200:6443'), 'ND301', 5],
    ['a name that nobody has', () => replaced(server(), 'nobody.invalid:6443'), 'ND313', 5],
    ['an underscore in the name', () => [...words, '--node-name', 'a_b'], 'ND201', 3],
  ];

  it.each(cases)('%s: is named in ten seconds and changes nothing', async (_, args, code, exitCode) => {
    // A crowded machine is slow to start any program: that is not the diagnosis.
    const startMs = await timed(() => worker.nodectl(['--version']));
    const started = performance.now();
    const result = await worker.nodectl(['join', ...args()], anyExit);
    expect(result.stderr).toContain(`error ${code}`);
    expect(result.exitCode).toBe(exitCode);
    expect(performance.now() - started - startMs).toBeLessThan(10_000);
    await untouched();
  });

  it('a user that is not root', async () => {
    const args = ['--reuid=65534', '--clear-groups', '/nodectl', 'join', ...words];
    const result = await worker.run('setpriv', args, anyExit);
    expect(result.stderr).toContain('error ND101');
    expect(result.exitCode).toBe(3);
  });

  it('a port that is taken, with its holder', async () => {
    const listen =
      'use IO::Socket::INET; $s=IO::Socket::INET->new(LocalPort=>10250,Listen=>1) or die; sleep 60';
    const child = worker.start('perl', ['-e', listen]);
    try {
      await until('it listens', async () => (await worker.run('ss', ['-ltnH'])).stdout.includes(':10250'));
      const result = await join();
      expect(result.stderr).toMatch(/process \d+ \(perl .*\) listens on port 10250/);
      expect(result.exitCode).toBe(3);
    } finally {
      // nsenter ends with the listener, not before: both hold the pipes.
      await worker.run('pkill', ['-9', '-x', 'perl']);
      await child;
    }
  });

  it('a disk that is full', async () => {
    await worker.run('mkdir', ['-p', '/var/lib/kubelet']);
    await worker.run('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', '/var/lib/kubelet']);
    try {
      const result = await join();
      expect(result.stderr).toContain('error ND103');
      expect(result.exitCode).toBe(3);
    } finally {
      await worker.run('umount', ['/var/lib/kubelet']);
      await worker.run('rmdir', ['/var/lib/kubelet']);
    }
    await untouched();
  });
});

describe('a join', () => {
  it('shows its plan and changes nothing', async () => {
    const result = await join('--plan');
    expect(result.stdout).toContain('install packages containerd');
    expect(result.exitCode).toBe(0);
    await untouched();
  });

  it('makes a Ready node of a fresh machine', async () => {
    const result = await join();
    expect(result.stderr).toContain('ready done');
    expect(result.stdout).toContain('is ready');
    expect(result.exitCode).toBe(0);
    const modes = await worker.run('stat', [
      '-c',
      '%a %n',
      '/etc/kubernetes/kubelet.conf',
      '/etc/kubernetes/pki/ca.crt',
      '/var/lib/kubelet',
      '/var/lib/kubelet/config.yaml',
      '/var/lib/kubelet/pki/kubelet-client-current.pem',
    ]);
    expect(modes.stdout.split('\n').map((line) => line.split(' ')[0])).toEqual([
      '600',
      '644',
      '700',
      '600',
      '777',
    ]);
    const left = await worker.run('ls', ['/etc/kubernetes']);
    expect(left.stdout).not.toContain('bootstrap-kubelet.conf');
  });

  it('changes nothing the second time', async () => {
    const started = performance.now();
    const result = await join();
    expect(result.stdout).toContain('Nothing to change');
    expect(performance.now() - started).toBeLessThan(5000);
  });

  it('passes the 25 CIS worker checks that a kubelet can pass, from within and from another machine', async () => {
    const probed = await probeFromControl();
    const {anonymous, pod} = probed;
    const statuses = (answers: Readonly<Record<string, number>>) => [...new Set(Object.values(answers))];
    expect(Object.keys(anonymous)).toHaveLength(105);
    expect(statuses(anonymous), JSON.stringify(anonymous)).toEqual([401]);
    expect(statuses(pod), JSON.stringify(pod)).toEqual([403]);
    expect(probed.openPorts).toEqual([]);
    // That it is heard at all shows that the others were refused.
    expect(probed.unsafe).toEqual(['TLS 1.2']);
    const seen = await look(worker, probed);
    const failed = Object.entries(judge(seen)).flatMap(([id, holds]) => (holds ? [] : [id]));
    expect(failed, JSON.stringify(seen)).toEqual([]);
    // The 26th, 4.2.15, is one of cis-1.11 alone, and manual: it looks for a flag --IPAddressDeny or a field of that name
    // in the kubelet's configuration, where Kubernetes has neither, and cis-1.12 has taken it back. What it means is a
    // property of the unit: templates/kubelet.service says why it is not written.
    expect(seen.kubeletArgv.some((word) => word.startsWith('--IPAddressDeny'))).toBe(false);
    expect(seen.config).not.toHaveProperty('IPAddressDeny');
  });

  it('has told its token to nobody', async () => {
    const secret = words[words.indexOf('--token') + 1]?.slice(7) ?? 'missing';
    const found = await worker.run(
      'grep',
      ['-rl', secret, '/etc', '/var/lib/nodectl', '/var/lib/kubelet', '/var/log', '/run'],
      anyExit,
    );
    expect(found.stdout).toBe('');
  });

  it('has daemons that tell their version as kubeadm asks for it', async () => {
    for (const name of ['kubelet', 'kube-proxy']) {
      const {stdout} = await worker.run(`/var/lib/nodectl/bin/${name}`, ['--version']);
      expect(stdout).toMatch(/^Kubernetes v1\.\d+\.\d+$/);
    }
  });

  it('brings its daemons back after they were killed', async () => {
    const pidOf = async (name: string) => (await worker.run('pgrep', ['-x', name], anyExit)).stdout.trim();
    const [kubelet, containerd] = [await pidOf('kubelet'), await pidOf('containerd')];
    expect(kubelet).toMatch(/^\d+$/);
    await worker.run('pkill', ['-9', '-f', 'supervise --dir']);
    await worker.run('kill', ['-9', kubelet]);
    const again = await join();
    expect(again.exitCode).toBe(0);
    expect(await pidOf('kubelet')).not.toBe(kubelet);
    expect(await pidOf('containerd')).toBe(containerd);
    const killed = await pidOf('kubelet');
    await worker.run('kill', ['-9', killed]);
    await until('the supervisor starts it again', async () => {
      const pid = await pidOf('kubelet');
      return pid !== '' && pid !== killed;
    });
  });

  it('is taken back without a trace, with what the cluster’s own pods have left behind', async () => {
    // kube-proxy and network add-ons take nothing away at their end.
    await worker.run('nft', ['add table ip kube-proxy; add chain ip kube-proxy services']);
    await worker.run('ip', ['link', 'add', 'flannel.1', 'type', 'bridge']);
    await nft('add chain ip filter KUBE-FORWARD; add rule ip filter KUBE-FORWARD accept');
    await nft('add rule ip filter FORWARD jump KUBE-FORWARD');
    await worker.run('mkdir', ['-p', '/run/flannel', '/var/lib/cni/networks/cbr0', '/etc/cni/net.d']);
    for (const file of ['/run/flannel/subnet.env', '/var/lib/cni/networks/cbr0/lock'])
      await worker.run('touch', [file, '/etc/cni/net.d/10-flannel.conflist']);
    await worker.run('sh', ['-c', 'echo 1 >/proc/sys/net/ipv4/conf/all/route_localnet']);
    const result = await worker.nodectl(['reset']);
    expect(result.stdout).toContain('everything is as it was before');
    await untouched();
    for (const directory of ['/run/flannel', '/var/lib/cni', '/etc/cni'])
      expect(existsSync(worker.path(directory)), directory).toBe(false);
    expect((await nft('list', 'ruleset')).stdout).toBe(ownRules);
    expect((await worker.run('stat', ['-c', '%a', '/var/log/pods'])).stdout).toBe('755');
    for (const name of ['accept_redirects', 'route_localnet']) {
      const {stdout} = await worker.run('cat', [`/proc/sys/net/ipv4/conf/all/${name}`]);
      expect(stdout, name).toBe('0');
    }
  });
});

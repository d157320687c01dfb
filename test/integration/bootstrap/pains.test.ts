import {readFileSync, writeFileSync} from 'node:fs';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {RunResult} from '../../../src/edges/process/exec.ts';
import {createLan, type Lan, type Machine} from '../support/machine.ts';
import {type Traces, traces} from '../support/traces.ts';

/**
 * What hurts users of other installers, by the numbers of the contract's list. Elsewhere, by number too: 2 (an
 * administrator's containerd) in runtime.test.ts; 16, 17, the clocks of 6 and the MTU of 5 in status/faults.
 */
let lan: Lan | undefined;
let worker: Machine;
let control: Machine;
let before: Traces;
let words: readonly string[];

const anyExit = {okCodes: Array.from({length: 256}, (_, code) => code)};

beforeAll(async () => {
  lan = await createLan();
  control = await lan.machine('control');
  worker = await lan.machine('worker');
  // A file that was moved and moved back lies in the overlay's upper directory, as it is.
  await worker.run('mv', ['/etc/resolv.conf', '/tmp/resolv.conf']);
  await worker.run('mv', ['/tmp/resolv.conf', '/etc/resolv.conf']);
  // Joins that find their runtime are quicker, and install nothing that a reset must take away.
  const packages = ['containerd', 'runc', 'containernetworking-plugins', 'nftables', 'conntrack', 'iptables'];
  await worker.run('apt-get', ['-q', '-y', '--no-install-recommends', 'install', ...packages], {
    env: {DEBIAN_FRONTEND: 'noninteractive'},
  });
  before = await traces(worker);
  await control.nodectl(['sandbox', 'up']);
  const {stdout} = await control.nodectl(['sandbox', 'token']);
  const all = stdout.trim().split(/\s+/);
  words = all.slice(all.indexOf('join') + 1);
}, 600_000);
afterAll(() => lan?.remove());

function join(...more: string[]): Promise<RunResult> {
  return worker.nodectl(['join', ...words, ...more], anyExit);
}

/** The words of a join without its --cni. */
function withoutNetwork(): readonly string[] {
  const at = words.indexOf('--cni');
  return at < 0 ? words : words.filter((_, index) => index !== at && index !== at + 1);
}

function configured(document: string): string {
  const path = '/tmp/join.yaml';
  writeFileSync(worker.path(path), `${document}\n`);
  return path;
}

const kubelet = 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n';

async function reset(message: string, then?: () => Promise<void>): Promise<void> {
  const {stdout} = await worker.nodectl(['reset']);
  expect(stdout, message).toMatch(/everything is as it was before|Nothing to undo/);
  await then?.();
  await untouched(message);
}

async function untouched(message: string): Promise<void> {
  await expect.poll(() => traces(worker), {timeout: 15_000, interval: 200, message}).toEqual(before);
}

type PlanDocument = {readonly items: readonly {readonly key: string; readonly diff?: string}[]};

async function plan(...more: string[]): Promise<PlanDocument> {
  const {stdout} = await join('--plan', '-o', 'json', ...more);
  const document: PlanDocument = JSON.parse(stdout);
  return document;
}

describe('before anything is changed', () => {
  it('pain 4: never the address that every machine behind NAT has', async () => {
    await worker.run('ip', ['address', 'add', '10.0.2.15/24', 'dev', 'eth0']);
    try {
      const {stdout} = await join('--plan');
      expect(stdout).toMatch(/\* eth0 {2}192\.168\.77\.\d+ /);
      expect(stdout).toMatch(/ {2} {2}eth0 {2}10\.0\.2\.15 /);
    } finally {
      await worker.run('ip', ['address', 'delete', '10.0.2.15/24', 'dev', 'eth0']);
    }
  });

  it('pain 5: packets that a firewall drops are named in ten seconds', async () => {
    const rules = 'table inet wall { chain in { type filter hook input priority 0; tcp dport 6443 drop; }; }';
    await control.run('nft', ['-f', '-'], {input: rules});
    try {
      const before = performance.now();
      await worker.nodectl(['--version']);
      const started = performance.now();
      const {stderr, exitCode} = await join();
      expect(`${exitCode} ${stderr}`).toMatch(/^5 [\s\S]*error ND312/);
      // A crowded machine is slow to start any program: that is not the diagnosis.
      expect(performance.now() - started - (started - before)).toBeLessThan(10_000);
    } finally {
      await control.run('nft', ['delete', 'table', 'inet', 'wall']);
    }
  });

  it('pain 6: an unknown token is told with those that live, and the command for a new one', async () => {
    const token = words[words.indexOf('--token') + 1] ?? '';
    const {stderr} = await worker.nodectl(
      ['join', ...words.map((word) => (word === token ? 'zzzzzz.0123456789abcdef' : word))],
      anyExit,
    );
    expect(stderr).toContain('no signature for token zzzzzz');
    expect(stderr).toMatch(new RegExp(`live tokens: .*${token.slice(0, 6)}`));
    expect(stderr).toContain('kubeadm token create --print-join-command');
  });

  it('pain 12: a name that a Ready node has', async () => {
    const {stderr, exitCode} = await join('--node-name', 'control');
    expect(`${exitCode} ${stderr}`).toMatch(/^3 [\s\S]*error ND202[\s\S]*kubectl delete node control/);
  });

  it('pain 13: every answer is one document, failures too', async () => {
    const failed = await join('-o', 'json', '--node-name', 'control');
    expect(JSON.parse(failed.stdout)).toMatchObject({apiVersion: 'nodectl/v1', kind: 'Error', code: 'ND202'});
    const nothing = await worker.nodectl(['reset', '-o', 'json']);
    expect(JSON.parse(nothing.stdout)).toMatchObject({kind: 'ResetResult', undone: [], left: []});
  });

  it('pain 14: pods do not get the stub resolver', async () => {
    await worker.run('mkdir', ['-p', '/run/systemd/resolve']);
    await worker.run('mv', ['/etc/resolv.conf', '/tmp/resolv.conf']);
    writeFileSync(worker.path('/run/systemd/resolve/resolv.conf'), 'nameserver 192.168.77.1\n');
    await worker.run('ln', ['-s', '/run/systemd/resolve/stub-resolv.conf', '/etc/resolv.conf']);
    try {
      const {items} = await plan();
      const config = items.find(({key}) => key === 'file /var/lib/kubelet/config.yaml');
      expect(config?.diff).toContain('+resolvConf: /run/systemd/resolve/resolv.conf');
    } finally {
      await worker.run('rm', ['-r', '/run/systemd']);
      await worker.run('mv', ['-f', '/tmp/resolv.conf', '/etc/resolv.conf']);
    }
  });

  it('pain 15: a label that would cost the whole Node is refused here, with the command for later', async () => {
    const config = configured(`apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
nodeRegistration:
  kubeletExtraArgs: [{name: node-labels, value: node-role.kubernetes.io/worker=}]`);
    const {stderr, exitCode} = await join('--config', config);
    expect(`${exitCode} ${stderr}`).toMatch(/^2 [\s\S]*node-role\.kubernetes\.io\/worker is a label/);
    expect(stderr).toContain('kubectl label node worker node-role.kubernetes.io/worker=');
  });

  it('leaves nothing of all that', async () => {
    await worker.run('rm', ['-f', '/tmp/join.yaml']);
    await untouched('after refusals');
  });
});

const fstab = '# mine\n/dev/sda2 none swap sw 0 0\n';

/** What ufw prints for one rule (ufw(8)); its own rules need a kernel with modules. */
const ufw = `#!/bin/sh
case "$1" in
status) echo 'Status: active'; cat /tmp/ufw 2>/dev/null ;;
allow) echo "$2                  ALLOW       Anywhere                   # $4" >/tmp/ufw ;;
delete) rm -f /tmp/ufw ;;
esac
`;

/** What firewall-cmd(1) answers, with its two sets of ports as files; a query of what is not there exits 1. */
const firewalld = `#!/bin/sh
set=/tmp/firewalld-runtime
[ "$1" = --permanent ] && { set=/tmp/firewalld-permanent; shift; }
case "$1" in
--state) echo running ;;
--query-port=*) [ -e "$set" ] && grep -qx "\${1#*=}" "$set" ;;
--add-port=*) echo "\${1#*=}" >>"$set" ;;
--remove-port=*) rm "$set" ;;
*) exit 2 ;;
esac
`;

/** Each goes on where the one before it stopped: a join that failed is repeated with what was wrong made right. */
describe('a join that fails', {timeout: 600_000}, () => {
  it('pain 3: a cgroup driver that cannot work is found by a sandbox, not by the first pod', async () => {
    writeFileSync(worker.path('/usr/sbin/firewall-cmd'), firewalld, {mode: 0o755});
    const config = configured(`${kubelet}cgroupDriver: systemd`);
    const {stderr, exitCode} = await join('--config', config, '--open-firewall');
    expect(`${exitCode} ${stderr}`).toMatch(/^6 [\s\S]*error ND5(08|10)/);
  });

  it('pain 5: has opened the kubelet’s port in firewalld, now and for later', async () => {
    const {stdout} = await worker.run('grep', ['', '/tmp/firewalld-runtime', '/tmp/firewalld-permanent']);
    expect(stdout).toBe('/tmp/firewalld-runtime:10250/tcp\n/tmp/firewalld-permanent:10250/tcp');
  });

  it('pains 1 and 19: a kubelet that cannot start is told with its own words, and leaves a bundle', async () => {
    // Nobody has this address: it passes every schema. The health port is the first that is bound.
    const config = configured(`${kubelet}healthzBindAddress: 203.0.113.7`);
    const {stderr, exitCode} = await join('--config', config);
    expect(`${exitCode} ${stderr}`).toMatch(/^7 [\s\S]*error ND703[\s\S]*203\.0\.113\.7/);
    const bundle = /support bundle, without secrets: (\S+)/.exec(stderr)?.[1] ?? '';
    expect((await worker.run('stat', ['-c', '%a', bundle])).stdout.trim()).toBe('600');
    await worker.run('rm', ['-f', '/tmp/join.yaml']);
    await reset('after two joins that failed', async () => {
      expect((await worker.run('ls', ['/tmp'])).stdout).not.toContain('firewalld');
      await worker.run('rm', ['/usr/sbin/firewall-cmd']);
    });
  });
});

describe('a join, from its first try to its reset', {timeout: 600_000}, () => {
  let first: RunResult;

  it('pain 11: waiting for a network has an exit code of its own', async () => {
    writeFileSync(worker.path('/etc/fstab'), fstab);
    await worker.run('sh', ['-c', 'echo 0 >/proc/sys/net/ipv4/ip_forward']);
    const args = ['join', ...withoutNetwork(), '--wait-timeout', '6'];
    first = await worker.nodectl(args, anyExit);
    let last = first;
    // On a crowded machine the kubelet may register late: the same words go on waiting for it.
    for (let more = 0; more < 8 && last.stderr.includes('error ND704'); more++)
      last = await worker.nodectl(args, anyExit);
    expect(`${last.exitCode} ${last.stderr}`).toMatch(/^8 [\s\S]*error ND705/);
  });

  it('pains 9, 10 and 18: chores are done', () => {
    expect(first.stderr).toContain('warning ND105');
    expect(first.stderr).toContain('set net.ipv4.ip_forward = 1 (was 0)');
    expect(readFileSync(worker.path('/etc/fstab'), 'utf8')).toMatch(/^# .*\/dev\/sda2/m);
    const config = readFileSync(worker.path('/var/lib/kubelet/config.yaml'), 'utf8');
    expect(config).toContain('failCgroupV1: false');
  });

  it('pain 5: the kubelet’s port is opened in a firewall when that is asked for', async () => {
    writeFileSync(worker.path('/usr/sbin/ufw'), ufw, {mode: 0o755});
    const {stderr, exitCode} = await join('--wait', 'schedulable', '--open-firewall');
    expect(`${exitCode} ${stderr}`).toMatch(/^0 [\s\S]*open port 10250\/tcp in ufw/);
    expect(readFileSync(worker.path('/tmp/ufw'), 'utf8')).toContain('10250/tcp');
  });

  it('pain 7: the same words again change nothing', async () => {
    const {stdout} = await join('--wait', 'schedulable', '--open-firewall');
    expect(stdout).toContain('Nothing to change');
  });

  it('pain 8: a reset keeps the rules of others, and undoes all else to the byte', async () => {
    // A table of their own, and a rule and a chain in a table that iptables makes for plugins, too.
    const mine = 'table inet mine { chain in { type filter hook input priority 0; tcp dport 7 drop; }; }';
    await worker.run('nft', ['-f', '-'], {input: mine});
    const nat = (...words: string[]) => worker.run('iptables', ['-t', 'nat', ...words]);
    await nat('-N', 'MINE');
    await nat('-A', 'PREROUTING', '-p', 'tcp', '--dport', '7', '-j', 'MINE');
    await nat('-N', 'CNI-0123456789abcdef');
    // The kernel has a second set of tables for the older iptables: a kubelet's chains there are of this node, too.
    const legacy = (...words: string[]) => worker.run('iptables-legacy', words);
    await legacy('-N', 'KUBE-FIREWALL');
    await legacy(
      '-A',
      'KUBE-FIREWALL',
      '-d',
      '127.0.0.0/8',
      '-m',
      'comment',
      '--comment',
      'of -j',
      '-j',
      'DROP',
    );
    await legacy('-A', 'INPUT', '-j', 'KUBE-FIREWALL');
    await legacy('-A', 'INPUT', '-p', 'tcp', '--dport', '7', '-j', 'ACCEPT');
    const rules = async () => [
      (await worker.run('nft', ['list', 'table', 'inet', 'mine'])).stdout,
      (await nat('-S', 'MINE')).stdout,
      (await nat('-S', 'PREROUTING')).stdout,
    ];
    const held = await rules();
    expect(held.join('')).toMatch(/dport 7 drop[\s\S]*-N MINE[\s\S]*--dport 7 -j MINE/);
    const {stdout} = await worker.nodectl(['reset', '-o', 'json']);
    expect(JSON.parse(stdout)).toMatchObject({
      left: [{what: 'table ip nat', why: 'others have rules in it'}],
    });
    expect(await rules()).toEqual(held);
    expect((await legacy('-S')).stdout).toBe(
      '-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n-A INPUT -p tcp -m tcp --dport 7 -j ACCEPT',
    );
    await legacy('-F', 'INPUT');
    await worker.run('nft', ['delete', 'table', 'inet', 'mine']);
    await worker.run('nft', ['delete', 'table', 'ip', 'nat']);
    expect(readFileSync(worker.path('/etc/fstab'), 'utf8')).toBe(fstab);
    const forward = await worker.run('cat', ['/proc/sys/net/ipv4/ip_forward']);
    expect(forward.stdout.trim()).toBe('0');
    expect((await worker.run('ls', ['/tmp'])).stdout).not.toContain('ufw');
    await worker.run('rm', ['/usr/sbin/ufw']);
  });

  it('pain 7: a node whose journal is gone, or that kubeadm joined, is adopted and cleaned', async () => {
    expect((await join('--wait', 'registered')).exitCode).toBe(0);
    await worker.run('pkill', ['-9', '-f', 'supervise --dir']);
    await worker.run('pkill', ['-9', '-x', 'kubelet']);
    await worker.run('rm', ['-r', '/var/lib/nodectl']);
    // As the bridge plugin makes it for the first pod.
    await worker.run('ip', ['link', 'add', 'cni0', 'type', 'bridge']);
    const refused = await join();
    expect(`${refused.exitCode} ${refused.stderr}`).toMatch(/^3 [\s\S]*ND603[\s\S]*nodectl reset --adopt/);
    expect((await worker.nodectl(['reset'])).stdout).toMatch(/kubelet\.conf: .*nodectl reset --adopt/);
    const shown = await worker.nodectl(['reset', '--adopt']);
    for (const line of [
      'drain the node',
      'in /var/lib/kubelet',
      'remove /etc/kubernetes/kubelet.conf',
      'remove link cni0',
    ])
      expect(shown.stdout).toContain(line);
    expect((await worker.run('ls', ['/etc/kubernetes'])).stdout).toContain('kubelet.conf');
    const done = await worker.nodectl(['reset', '--adopt', '--yes'], anyExit);
    expect(`${done.exitCode} ${done.stdout}`).toMatch(/^0 /);
    expect((await worker.run('ls', ['/var/lib/kubelet', '/etc/cni/net.d'])).stdout).not.toMatch(
      /pki|nodectl/,
    );
    expect((await worker.run('ip', ['-o', 'link'])).stdout).not.toContain('cni0');
    const again = await worker.nodectl(['reset', '--adopt']);
    expect(again.stdout).not.toContain('kubelet.conf');
  });
});

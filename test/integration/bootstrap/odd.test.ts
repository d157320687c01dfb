import {readFileSync, writeFileSync} from 'node:fs';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {RunResult} from '../../../src/edges/process/exec.ts';
import {createLan, type Lan, type Machine} from '../support/machine.ts';
import {type Traces, traces} from '../support/traces.ts';
import {until} from '../support/wait.ts';

/** Machines and shells as they are found: a join works on them, or says before it begins why it cannot. */
let lan: Lan | undefined;
let control: Machine;
let worker: Machine;
let before: Traces;
let words: readonly string[];

const anyExit = {okCodes: Array.from({length: 256}, (_, code) => code)};

beforeAll(async () => {
  lan = await createLan();
  control = await lan.machine('control');
  worker = await lan.machine('worker');
  for (const name of ['hosts', 'resolv.conf']) await worker.run('cp', [`/etc/${name}`, `/run/${name}`]);
  await restore('hosts');
  await restore('resolv.conf');
  before = await traces(worker);
  await control.nodectl(['sandbox', 'up']);
  const all = (await control.nodectl(['sandbox', 'token'])).stdout.trim().split(/\s+/);
  words = all.slice(all.indexOf('join') + 1);
}, 600_000);
afterAll(() => lan?.remove());

/** Changed once, a file lies in the overlay's upper directory: with the same content afterwards as before. */
async function restore(name: string): Promise<void> {
  await worker.run('cp', ['--remove-destination', `/run/${name}`, `/etc/${name}`]);
}

async function plan(...more: string[]): Promise<string> {
  const {exitCode, stdout, stderr} = await worker.nodectl(['join', ...words, '--plan', ...more], anyExit);
  return `${exitCode} ${stdout}\n${stderr}`;
}

describe('a plan', () => {
  it.each([
    ['WORKER-A.Example.ORG', /this node worker-a\.example\.org of/],
    ['localhost', /this node localhost of[\s\S]*warning ND208/],
  ])('on a machine that is called %s', async (name, expected) => {
    await worker.run('hostname', [name]);
    try {
      expect(await plan()).toMatch(expected);
    } finally {
      await worker.run('hostname', ['worker']);
    }
  });

  it('without a default route', async () => {
    await worker.run('ip', ['route', 'delete', 'default']);
    try {
      expect(await plan()).toMatch(/^0 [\s\S]*\* eth0 {2}192\.168\.77\.11 /);
    } finally {
      await worker.run('ip', ['route', 'add', 'default', 'via', '192.168.77.1']);
    }
  });

  it('behind NAT that all machines share, with a network of their own beside it', async () => {
    const ip = (...args: string[]) => worker.run('ip', args);
    await ip('link', 'add', 'nat0', 'type', 'veth', 'peer', 'name', 'nat1');
    try {
      await ip('address', 'add', '10.0.2.15/24', 'dev', 'nat0');
      await ip('link', 'set', 'nat0', 'up');
      await ip('route', 'replace', 'default', 'via', '10.0.2.2', 'dev', 'nat0');
      expect(await plan()).toMatch(/^0 [\s\S]*\* eth0 {2}192\.168\.77\.11 /);
    } finally {
      await ip('link', 'delete', 'nat0');
      await ip('route', 'add', 'default', 'via', '192.168.77.1');
    }
  });

  it('with its own name on loopback, and an API server whose name has a dead address first', async () => {
    const [server = '', ...rest] = words;
    const lines = [
      '127.0.0.1 localhost',
      '127.0.1.1 worker',
      '192.168.77.250 kubernetes',
      '192.168.77.10 kubernetes',
    ];
    writeFileSync(worker.path('/etc/hosts'), `${lines.join('\n')}\n`);
    try {
      const named = ['join', server.replace(/^[\d.]+/, 'kubernetes'), ...rest, '--plan'];
      const {exitCode, stdout, stderr} = await worker.nodectl(named, anyExit);
      expect(`${exitCode} ${stdout} ${stderr}`).toMatch(/^0 [\s\S]*\* eth0 {2}192\.168\.77\.11 /);
    } finally {
      await restore('hosts');
    }
  });

  it('with systemd-resolved’s stub written into a plain resolv.conf', async () => {
    writeFileSync(worker.path('/etc/resolv.conf'), 'nameserver 127.0.0.53\n');
    await worker.run('mkdir', ['-p', '/run/systemd/resolve']);
    writeFileSync(worker.path('/run/systemd/resolve/resolv.conf'), 'nameserver 192.168.77.1\n');
    try {
      expect(await plan()).toContain('+resolvConf: /run/systemd/resolve/resolv.conf');
    } finally {
      await worker.run('rm', ['-r', '/run/systemd']);
      await restore('resolv.conf');
    }
  });

  it('where /usr is read-only says so, and where nodectl would have to be', async () => {
    await worker.run('mount', ['--bind', '/usr/local', '/usr/local']);
    try {
      await worker.run('mount', ['-o', 'remount,bind,ro', '/usr/local']);
      expect(await plan()).toMatch(/^3 [\s\S]*error ND109[\s\S]*\/usr\/local\/bin\/nodectl/);
    } finally {
      await worker.run('umount', ['/usr/local']);
    }
  });

  it('beside the network configuration of another cluster says whose network pods would get', async () => {
    await worker.run('mkdir', ['-p', '/etc/cni/net.d']);
    writeFileSync(worker.path('/etc/cni/net.d/10-flannel.conflist'), '{}\n');
    try {
      expect(await plan()).toMatch(/warning ND519: .*10-flannel\.conflist/);
    } finally {
      await worker.run('rm', ['-r', '/etc/cni']);
    }
  });

  it('leaves nothing', async () => {
    await expect.poll(() => traces(worker), {timeout: 5000}).toEqual(before);
  });
});

/** A router's advertisement, said by the other machine to all: ICMPv6 type 134, good for 30 minutes. */
const advertise = `use Socket qw(:all); $i = shift;
socket(S, AF_INET6, SOCK_RAW, 58) or die; setsockopt(S, 41, 17, pack("i", $i)); setsockopt(S, 41, 18, pack("i", 255));
send(S, pack("CCnCCnNN", 134, 0, 0, 64, 0, 1800, 0, 0), 0, pack_sockaddr_in6(0, inet_pton(AF_INET6, "ff02::1"), $i)) or die`;

const advertised = async (): Promise<boolean> =>
  (await worker.run('ip', ['-6', 'route', 'show', 'default'])).stdout.includes('proto ra');

/** Cut in the middle, as a disk that was full leaves them. */
const [configuration, unit] = [
  '/var/lib/kubelet/config.yaml',
  '/var/lib/nodectl/supervisor/units/nodectl-kubelet.json',
];
const damaged = [
  '/etc/kubernetes/kubelet.conf',
  configuration,
  '/var/lib/nodectl/cluster/kubelet-config.yaml',
  unit,
];

/** cloud-init's runcmd, `su` without a dash, a hardened umask, German, and a proxy for the rest of the world. */
describe('a join from a poor shell', {timeout: 300_000}, () => {
  const environment = [
    'PATH=/usr/bin:/bin',
    'LC_ALL=de_DE.UTF-8',
    'LANGUAGE=de',
    'HTTPS_PROXY=http://192.0.2.1:3128',
  ];
  const poor = (...args: string[]): Promise<RunResult> => {
    const shell = ['sh', '-c', 'umask 077; exec /nodectl "$@" </dev/null', 'sh', ...args];
    return worker.run('env', ['-i', ...environment, ...shell], {...anyExit, timeoutMs: 300_000});
  };

  it('has a default route of IPv6 from a router', async () => {
    const index = (await control.run('cat', ['/sys/class/net/eth0/ifindex'])).stdout.trim();
    await until('the route is there', async () => {
      await control.run('perl', ['-e', advertise, index], anyExit);
      return advertised();
    });
  });

  it('makes a node whose daemons have a usual umask, and says that nobody serves Services on it', async () => {
    await worker.run('mount', ['-o', 'remount,noexec', '/tmp']);
    const {exitCode, stdout, stderr} = await poor('join', ...words);
    expect(`${exitCode} ${stdout} ${stderr}`).toMatch(
      /^0 [\s\S]*is ready[\s\S]*warning ND749: .*node worker/,
    );
    // A kernel that forwards forgets what routers say, unless it is told not to.
    const forwards = await worker.run('cat', ['/proc/sys/net/ipv6/conf/all/forwarding']);
    expect(forwards.stdout).toBe('1');
    expect(await advertised()).toBe(true);
    for (const name of ['kubelet', 'containerd']) {
      const pid = (await worker.run('pgrep', ['-x', name])).stdout.trim();
      expect(readFileSync(worker.path(`/proc/${pid}/status`), 'utf8'), name).toMatch(/^Umask:\s+0022$/m);
    }
    const modes = await worker.run('stat', [
      '-c',
      '%a',
      '/opt/cni/bin/bridge',
      '/opt/cni/bin',
      '/etc/sysctl.d',
    ]);
    expect(modes.stdout).toBe('755\n755\n755');
  });

  it('is made whole by the same command, whatever of the node’s files is damaged', async () => {
    const wholes = await Promise.all(damaged.map((path) => worker.run('cat', [path])));
    for (const path of damaged) await worker.run('truncate', ['-s', '30', path]);
    const {exitCode, stdout, stderr} = await poor('join', ...words);
    expect(`${exitCode} ${stdout} ${stderr}`).toMatch(/^0 [\s\S]*is ready/);
    const again = await Promise.all(damaged.map((path) => worker.run('cat', [path])));
    expect(again.map((found) => found.stdout)).toEqual(wholes.map((found) => found.stdout));
  });

  it('is made whole though its kubelet has ended again and again', async () => {
    await worker.run('rm', [configuration]);
    await worker.nodectl(['restart', 'kubelet'], anyExit);
    const record = worker.path('/var/lib/nodectl/supervisor/runs/nodectl-kubelet.json');
    await until(
      'it has ended three times',
      () => /"starts":([4-9]|\d\d)/.test(readFileSync(record, 'utf8')),
      {
        timeoutMs: 120_000,
        instead: () => readFileSync(record, 'utf8'),
      },
    );
    const {exitCode, stdout, stderr} = await poor('join', ...words);
    expect(`${exitCode} ${stdout} ${stderr}`).toMatch(/^0 [\s\S]*is ready/);
    // A reset needs none of them.
    for (const path of [configuration, unit]) await worker.run('truncate', ['-s', '30', path]);
  });

  it('is taken back from there, too', async () => {
    const {exitCode, stdout, stderr} = await poor('reset');
    expect(`${exitCode} ${stdout} ${stderr}`).toMatch(/^0 Reset: everything is as it was before/);
    await worker.run('mount', ['-o', 'remount,exec', '/tmp']);
    expect((await worker.run('cat', ['/proc/sys/net/ipv6/conf/eth0/accept_ra'])).stdout).toBe('1');
    await expect.poll(() => traces(worker), {timeout: 15_000, interval: 200}).toEqual(before);
  });
});

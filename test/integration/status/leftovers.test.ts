import {afterAll, beforeAll, expect, it} from 'vitest';
import {createLan, type Lan, type Machine} from '../support/machine.ts';

let lan: Lan;
let fresh: Machine;
let sandbox: Machine;

beforeAll(async () => {
  lan = await createLan();
  sandbox = await lan.machine('control');
  await sandbox.nodectl(['sandbox', 'up']);
  fresh = await lan.machine('fresh');
  await fresh.run('sh', ['-c', 'echo 0123456789abcdef0123456789abcdef >/etc/machine-id']);
  await fresh.run('sh', ['-c', 'apt-get -qq -y install nftables iptables >/dev/null 2>&1']);
});
afterAll(async () => {
  await lan?.remove();
});

const sh = (script: string) => fresh.run('sh', ['-ec', script]);
const okCodes = [0, 1, 2, 3, 4, 5, 6, 7, 8];

type Leftover = {
  readonly name: string;
  readonly code: string;
  readonly exit: number;
  readonly says: RegExp;
  readonly make: string;
  readonly unmake: string;
};

const leftovers: readonly Leftover[] = [
  {
    name: 'pain 7: kubelet.conf of an earlier join',
    code: 'ND603',
    exit: 3,
    says: /kubelet\.conf is here, but not from nodectl/,
    make: 'mkdir -p /etc/kubernetes; touch /etc/kubernetes/kubelet.conf',
    unmake: 'rm -r /etc/kubernetes',
  },
  {
    name: 'pain 7: a port is taken',
    code: 'ND601',
    exit: 3,
    says: /process \d+ \(perl.*listens on port 10250/s,
    make: "perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(LocalPort => 10250, Listen => 1) or die; sleep 600' >/dev/null 2>&1 & for i in $(seq 50); do ss -ltn | grep -q :10250 && break; sleep 0.1; done",
    unmake: 'pkill perl',
  },
  {
    name: 'pain 8: chains of an earlier kube-proxy',
    code: 'ND607',
    exit: 0,
    says: /rules of an earlier node are in the kernel: ip nat KUBE-SERVICES/,
    make: 'iptables -t nat -N KUBE-SERVICES',
    unmake: 'nft delete table ip nat',
  },
  {
    name: 'pain 8: chains of an earlier CNI plugin, of the legacy kind',
    code: 'ND607',
    exit: 0,
    says: /rules of an earlier node are in the kernel: nat -N CNI-abc, and 1 more/,
    make: 'iptables-legacy -t nat -N CNI-abc; iptables-legacy -t nat -A POSTROUTING -j CNI-abc',
    unmake: 'iptables-legacy -t nat -F; iptables-legacy -t nat -X',
  },
  {
    name: 'pain 8: a volume of an earlier pod is still mounted',
    code: 'ND608',
    exit: 3,
    says: /volumes of an earlier node are mounted: \/var\/lib\/kubelet\/pods\/1/,
    make: 'mkdir -p /var/lib/kubelet/pods/1/volumes/v; mount -t tmpfs old /var/lib/kubelet/pods/1/volumes/v',
    unmake: 'umount /var/lib/kubelet/pods/1/volumes/v; rm -r /var/lib/kubelet',
  },
  {
    name: 'another kubelet runs here',
    code: 'ND605',
    exit: 3,
    says: /k3s runs here already/,
    make: 'cp /bin/sleep /tmp/k3s; /tmp/k3s 600 >/dev/null 2>&1 &',
    unmake: 'pkill k3s; rm /tmp/k3s',
  },
  {
    name: 'a read-only directory',
    code: 'ND109',
    exit: 3,
    says: /\/var\/lib\/kubelet cannot be written: read-only/,
    make: 'mkdir -p /var/lib/kubelet; mount -t tmpfs -o ro ro /var/lib/kubelet',
    unmake: 'umount /var/lib/kubelet; rmdir /var/lib/kubelet',
  },
];

it.for(leftovers)('preflight finds: $name', async ({code, exit, says, make, unmake}) => {
  await sh(make);
  try {
    const {stdout, exitCode} = await fresh.nodectl(['preflight'], {okCodes});
    const codes = [...stdout.matchAll(/^(?:error|warning) +\S+: (ND\d{3})/gm)].map(([, found]) => found);
    // cgroup v1 is what the test's own machine may have.
    expect(codes.filter((found) => found !== 'ND105')).toEqual([code]);
    expect(stdout.replace(/\s+/g, ' ')).toMatch(says);
    // A path that is longer than a line is not cut.
    const lines = stdout.split('\n').filter((line) => line.trim().includes(' '));
    expect(lines.filter(({length}) => length > 80)).toEqual([]);
    expect(exitCode).toBe(exit);
  } finally {
    await sh(unmake);
  }
});

it('preflight finds nothing on a fresh machine', async () => {
  const {stdout} = await fresh.nodectl(['preflight']);
  expect(stdout).not.toMatch(/^error/m);
});

async function status(): Promise<{first: string; text: string; exit: number}> {
  const {stdout, exitCode} = await fresh.nodectl(['status'], {okCodes});
  return {first: stdout.split('\n')[0] ?? '', text: stdout, exit: exitCode};
}

it('says that a machine has not joined', async () => {
  const {first, exit} = await status();
  expect(first).toMatch(/^ND731 this machine has not joined a cluster/);
  expect(exit).toBe(7);
});

it('pain 19: says that a join has not finished', async () => {
  await sh('mkdir -p /var/lib/nodectl/journal');
  try {
    const {first, exit} = await status();
    expect(first).toMatch(/^ND732 the join has not finished/);
    expect(exit).toBe(8);
  } finally {
    await sh('rm -r /var/lib/nodectl');
  }
});

it('looks at a node that another tool joined', async () => {
  await sh('mkdir -p /etc/kubernetes');
  const conf = (await sandbox.run('cat', ['/etc/kubernetes/kubelet.conf'])).stdout;
  await fresh.run('tee', ['/etc/kubernetes/kubelet.conf'], {input: conf});
  try {
    const {text, exit} = await status();
    expect(text).not.toMatch(/ND73[12]/);
    expect(exit).not.toBe(0);
    expect(text).toMatch(/^ND\d{3} /);
  } finally {
    await sh('rm -r /etc/kubernetes');
  }
});

type Refusal = {
  readonly name: string;
  readonly code: string;
  readonly exit: number;
  args(good: string[]): string[];
};

const refusals: readonly Refusal[] = [
  {
    name: 'pain 6: the pin is of another CA',
    code: 'ND405',
    exit: 4,
    args: (good) => good.map((word) => word.replace(/^sha256:.*/, `sha256:${'0'.repeat(64)}`)),
  },
  {
    name: 'pain 6: the token is unknown',
    code: 'ND402',
    exit: 4,
    args: (good) =>
      good.map((word) => (/^[a-z0-9]{6}\.[a-z0-9]{16}$/.test(word) ? 'zzzzzz.0123456789abcdef' : word)),
  },
  {
    name: 'pain 12: a Ready node has the name',
    code: 'ND202',
    exit: 3,
    args: (good) => [...good, '--node-name=control'],
  },
  {
    name: 'pain 4: no address fits',
    code: 'ND205',
    exit: 3,
    args: (good) => [...good, '--node-ip=203.0.113.7'],
  },
];

it.for(refusals)('join refuses, in its first line: $name', async ({code, exit, args}) => {
  const {stdout} = await sandbox.nodectl(['sandbox', 'token']);
  const good = /join (.*)$/m.exec(stdout)?.[1]?.split(/\s+/) ?? [];
  const {stderr, exitCode} = await fresh.nodectl(['join', ...args(good)], {okCodes});
  const first = stderr.split('\n').find((line) => line.startsWith('error '));
  expect(first, stderr).toMatch(new RegExp(`^error ${code} `));
  expect(exitCode).toBe(exit);
});

import {afterAll, beforeAll, expect, it} from 'vitest';
import {createLan, type Lan, type Machine} from '../support/machine.ts';
import {type Traces, traces} from '../support/traces.ts';
import {until} from '../support/wait.ts';

/** What `sandbox up` cannot do on this machine it says before it changes anything. */
let lan: Lan | undefined;
let machine: Machine;
let before: Traces;

beforeAll(async () => {
  lan = await createLan();
  machine = await lan.machine('refuse');
  before = await traces(machine);
});
afterAll(() => lan?.remove());

it('names the process that holds its port', async () => {
  // The pause program cannot listen; perl is in Debian's minimal base.
  const listen =
    'use Socket; socket(S,PF_INET,SOCK_STREAM,0); setsockopt(S,SOL_SOCKET,SO_REUSEADDR,1); bind(S,sockaddr_in(6443,INADDR_ANY)); listen(S,1); sleep 1000';
  const holder = machine.start('perl', ['-e', listen]);
  try {
    const listening = ['-c', 'grep -q ":192B .* 0A" /proc/net/tcp'];
    await until(
      'the port is taken',
      async () => (await machine.run('sh', listening, {okCodes: [0, 1]})).exitCode === 0,
    );
    const result = await machine.nodectl(['sandbox', 'up'], {okCodes: [3]});
    expect(result.stderr).toMatch(/ND601.*\n.*process \d+ \(perl .*listens on port 6443/);
  } finally {
    await machine.run('pkill', ['perl']);
    await holder;
  }
  expect(await traces(machine)).toEqual(before);
});

it('names a distribution that it cannot install on', async () => {
  await machine.run('mount', ['--bind', '/dev/null', '/usr/bin/apt-get']);
  try {
    const {stderr} = await machine.nodectl(['sandbox', 'up'], {okCodes: [3]});
    expect(stderr).toContain('ND102');
  } finally {
    await machine.run('umount', ['/usr/bin/apt-get']);
  }
  expect(await traces(machine)).toEqual(before);
});

it('names a disk that is full', async () => {
  await machine.run('mkdir', ['/var/lib/kubelet']);
  await machine.run('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', '/var/lib/kubelet']);
  try {
    const {stderr} = await machine.nodectl(['sandbox', 'up'], {okCodes: [3]});
    expect(stderr).toContain('ND103');
  } finally {
    await machine.run('umount', ['/var/lib/kubelet']);
    await machine.run('rmdir', ['/var/lib/kubelet']);
  }
  expect(await traces(machine)).toEqual(before);
});

it('wants root', async () => {
  const {stderr} = await machine.run(
    'setpriv',
    ['--reuid=65534', '--clear-groups', '/nodectl', 'sandbox', 'up'],
    {okCodes: [3]},
  );
  expect(stderr).toContain('ND101');
  expect(await traces(machine)).toEqual(before);
});

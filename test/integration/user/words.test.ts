import {mkdirSync, rmdirSync} from 'node:fs';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {createLan, type Lan, type Machine} from '../support/machine.ts';

/** What is typed on a fresh machine, and under which circumstances: each answer says what is wrong and what to type. */
let lan: Lan | undefined;
let machine: Machine;

const anyExit = {okCodes: Array.from({length: 256}, (_, code) => code)};
const token = '--token abcdef.0123456789abcdef --discovery-token-ca-cert-hash';
const join = `join 192.168.77.1:6443 ${token} sha256:${'ab'.repeat(32)}`;

beforeAll(async () => {
  lan = await createLan();
  machine = await lan.machine('words');
});
afterAll(() => lan?.remove());

async function sh(script: string): Promise<string> {
  const {exitCode, stdout, stderr} = await machine.run('sh', ['-c', script], anyExit);
  return `${exitCode} ${stdout}${stderr}`;
}

it.each([
  ['statsu', /^2 error ND904 [\s\S]*there is no command statsu\s+try: nodectl status/],
  ['version', /^2 [\s\S]*try: nodectl --version/],
  ['nonsense -o json', /^2 \{[\s\S]*"message": "there is no command nonsense"/],
  ['restart kubelet -o json', /^7 \{[\s\S]*"code": "ND731"/],
  ['sandbox token -o json', /^1 \{[\s\S]*"code": "ND801"/],
  ['explain 501', /^0 ND501 /],
  ['ps', /^7 error ND731 [\s\S]*this machine has not joined a cluster/],
  ['inspect x -o json', /^7 \{[\s\S]*"code": "ND731"/],
  ['join', /^2 error ND904 [\s\S]*try: kubeadm token create --print-join-command/],
  ['join 192.168.77.1:6443 --token - </dev/null', /^2 error ND904 [\s\S]*standard input is empty/],
  [
    join.replace('192.168.77.1:', '192.168.77.250:'),
    /^5 [\s\S]*no machine there has this address[\s\S]*try: ip route get 192\.168\.77\.250/,
  ],
  [`${join} --node-name My_Node`, /^3 [\s\S]*try: --node-name my-node, or/],
])('nodectl %s', async (words, expected) => {
  expect(await sh(`/nodectl ${words}`)).toMatch(expected);
});

describe('where what is printed cannot be written', () => {
  it.each(['explain', 'preflight -o json', 'status'])('nodectl %s says so in a few lines', async (words) => {
    const told = await sh(`/nodectl ${words} >/dev/full`);
    expect(told).toMatch(/^3 error ND106 disk full\n {2}what is printed cannot be written: ENOSPC/);
    expect(told.split('\n').length).toBeLessThan(10);
  });

  it('nor the error, it ends all the same', async () => {
    expect(await sh('/nodectl explain >/dev/full 2>&1')).toBe('3 ');
  });

  it('is silent where nobody reads it any more', async () => {
    expect(await sh('/nodectl explain | head -1')).toMatch(/^0 ND101 {2}not root$/);
  });
});

describe('in a directory', () => {
  it('that was removed, a join says what is wrong with the cluster', async () => {
    const told = await sh(`mkdir /tmp/gone && cd /tmp/gone && rmdir /tmp/gone && /nodectl ${join}`);
    expect(told).toMatch(/^5 [\s\S]*error ND311/);
    expect(told).not.toContain('directory');
  });

  it('where nothing may be written, a bundle names its file', async () => {
    mkdirSync(machine.path('/tmp/theirs'));
    const told = await sh('cd /tmp/theirs && setpriv --reuid=65534 --clear-groups /nodectl bundle');
    rmdirSync(machine.path('/tmp/theirs'));
    expect(told).toMatch(/^3 error ND111 [\s\S]*permission denied, open 'nodectl-bundle-[^']*\.tar'/);
  });
});

it('says that the directory of its lock is read-only', async () => {
  await machine.run('mount', ['-o', 'remount,ro', '/run']);
  try {
    expect(await sh(`/nodectl ${join}`)).toMatch(
      /^3 [\s\S]*error ND109 read-only file system\n[\s\S]*try: findmnt -T \/run\//,
    );
  } finally {
    await machine.run('mount', ['-o', 'remount,rw', '/run']);
  }
});

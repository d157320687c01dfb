import {writeFileSync} from 'node:fs';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {type RunResult, run} from '../../../src/edges/process/exec.ts';
import {createLan, type Lan, type Machine} from '../support/machine.ts';
import {type Traces, traces} from '../support/traces.ts';

/** Machines that have no address of IPv4 but loopback’s. */
let lan: Lan | undefined;
let control: Machine;
let worker: Machine;
let before: Traces;
let words: readonly string[];

const [server, node] = ['fd00:77::10', 'fd00:77::11'];
const anyExit = {okCodes: Array.from({length: 256}, (_, code) => code)};

beforeAll(async () => {
  lan = await createLan();
  control = await lan.machine('control');
  worker = await lan.machine('worker');
  await renumber(control, server, node);
  await renumber(worker, node, server);
  before = await traces(worker);
}, 600_000);
afterAll(() => lan?.remove());

async function renumber(machine: Machine, address: string, gateway: string): Promise<void> {
  await machine.run('ip', ['-4', 'address', 'flush', 'dev', 'eth0']);
  await machine.run('ip', ['address', 'add', `${address}/64`, 'dev', 'eth0', 'nodad']);
  await machine.run('ip', ['-6', 'route', 'add', 'default', 'via', gateway]);
  writeFileSync(machine.path('/etc/resolv.conf'), 'nameserver fd00:77::53\n');
}

/** `200 …` of the other machine’s answer; whoever listens for IPv4 alone refuses. */
async function ask(url: string): Promise<string> {
  const script = `fetch('${url}').then(async (a) => console.log(a.status, await a.text()), (e) => console.log(e.cause))`;
  const program = [process.execPath, '--no-warnings', '--eval', script];
  const net = [`--net=/proc/${control.pid}/ns/net`, 'env', 'NODE_TLS_REJECT_UNAUTHORIZED=0'];
  return (await run('nsenter', [...net, ...program], {timeoutMs: 20_000})).stdout.trim();
}

const shown = ({exitCode, stdout, stderr}: RunResult): string => `${exitCode} ${stdout}\n${stderr}`;

describe('a network of IPv6 alone', {timeout: 300_000}, () => {
  it('has a sandbox whose pods answer through their Service, and its own DNS', async () => {
    const up = await control.nodectl(['sandbox', 'up'], {...anyExit, timeoutMs: 240_000});
    expect(shown(up)).toMatch(/^0 [\s\S]*GET http:\/\/\[fd00:10:96::[0-9a-f:]+\]\/ {2}→ {2}hello from/);
    const status = await control.nodectl(['status'], anyExit);
    expect(shown(status)).toMatch(/API server +https:\/\/\[fd00:77::10\]:6443/);
    expect(shown(status)).not.toContain('ND320');
  });

  it('is joined by the words that the sandbox prints', async () => {
    const {stdout} = await control.nodectl(['sandbox', 'token']);
    const all = stdout.trim().split(/\s+/);
    words = all.slice(all.indexOf('join') + 1);
    expect(words[0]).toBe('[fd00:77::10]:6443');
    const joined = await worker.nodectl(['join', ...words], {...anyExit, timeoutMs: 240_000});
    expect(shown(joined)).toMatch(/^0 [\s\S]*is ready/);
    const read = async (path: string) => (await worker.run('cat', [path])).stdout;
    expect(await read('/etc/kubernetes/kubelet.conf')).toContain('server: https://[fd00:77::10]:6443');
    expect(await read('/var/lib/kubelet/kubeadm-flags.env')).toContain('--node-ip=fd00:77::11');
    expect(await read('/etc/cni/net.d/10-nodectl.conflist')).toContain('"fd00:10:244:1::/64"');
  });

  it('reaches the kubelet, which listens at 0.0.0.0 as that of Kubernetes does', async () => {
    expect(await ask('https://[fd00:77::11]:10250/pods')).toMatch(/^401 /);
    expect(await ask('http://[fd00:77::10]:10256/healthz')).toMatch(/^200 /);
  });

  it('is left without a trace', async () => {
    const {stdout} = await worker.nodectl(['reset']);
    expect(stdout).toContain('everything is as it was before');
    await expect.poll(() => traces(worker), {timeout: 10_000}).toEqual(before);
  });
});

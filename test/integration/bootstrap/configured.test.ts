import {writeFileSync} from 'node:fs';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {createLan, type Lan, type Machine} from '../support/machine.ts';
import {type Traces, traces} from '../support/traces.ts';

/** Joins as files and the environment tell, on machines of their own. */
let lan: Lan | undefined;
let worker: Machine;
let before: Traces;
let server: string;
let token: string;
let pin: string;

const anyExit = {okCodes: Array.from({length: 256}, (_, code) => code)};

beforeAll(async () => {
  lan = await createLan();
  const control = await lan.machine('control');
  worker = await lan.machine('worker');
  before = await traces(worker);
  await control.nodectl(['sandbox', 'up']);
  const words = (await control.nodectl(['sandbox', 'token'])).stdout.trim().split(/\s+/);
  server = words[words.indexOf('join') + 1] ?? '';
  token = words[words.indexOf('--token') + 1] ?? '';
  pin = words.find((word) => word.startsWith('sha256:')) ?? '';
}, 600_000);
afterAll(() => lan?.remove());

function configuration(more: string): string {
  return `apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
nodeRegistration:
  name: configured
  taints: [{key: dedicated, value: test, effect: NoSchedule}]
  kubeletExtraArgs: [{name: node-labels, value: tier=edge}]
discovery:
  bootstrapToken: {apiServerEndpoint: "${server}", token: ${token}, caCertHashes: ["${pin}"]}
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
maxPods: 17
${more}`;
}

async function untouched(): Promise<void> {
  await expect.poll(() => traces(worker), {timeout: 5000}).toEqual(before);
}

async function join(text: string, ...more: string[]) {
  writeFileSync(worker.path('/tmp/join.yaml'), text);
  return worker.nodectl(['join', '--config', '/tmp/join.yaml', ...more], anyExit);
}

describe('a join by configuration file', () => {
  it('refuses an unknown field with its line, and changes nothing', async () => {
    const result = await join(configuration('maxPod: 3\n'));
    expect(result.stderr).toMatch(/error ND701[\s\S]*join\.yaml:\d+:1: maxPod: unknown field/);
    expect(result.exitCode).toBe(2);
    await untouched();
  });

  it('shows the candidates for the node’s address in its plan', async () => {
    const result = await join(configuration(''), '--plan');
    expect(result.stdout).toMatch(
      /addresses:\n {2}\* eth0 {2}192\.168\.77\.\d+ {2}on the route to the API server/,
    );
    await untouched();
  });

  it('names the candidates when none fits', async () => {
    const result = await join(configuration(''), '--node-ip', '10.99.0.0/16');
    expect(result.stderr).toMatch(/error ND205[\s\S]*eth0 +192\.168\.77\./);
    expect(result.exitCode).toBe(3);
    await untouched();
  });

  it('makes the node that it describes', async () => {
    const result = await join(configuration(''), '--wait', 'registered');
    expect(`${result.exitCode} ${result.stderr}`).toMatch(/^0 /);
    const config = await worker.run('cat', ['/var/lib/kubelet/config.yaml']);
    expect(config.stdout).toContain('maxPods: 17');
    expect(config.stdout).toContain('key: dedicated');
    const flags = await worker.run('cat', ['/var/lib/kubelet/kubeadm-flags.env']);
    expect(flags.stdout).toContain('--hostname-override=configured');
    expect(flags.stdout).toContain('--node-labels=tier=edge');
  });

  it('is taken back without a trace', async () => {
    await worker.nodectl(['reset']);
    await untouched();
  });
});

describe('a join from the environment', () => {
  it('takes every flag', async () => {
    const words = [
      `NODECTL_ENDPOINT=${server}`,
      `NODECTL_TOKEN=${token}`,
      `NODECTL_DISCOVERY_TOKEN_CA_CERT_HASH=${pin}`,
      'NODECTL_NODE_IP=eth0',
      'NODECTL_WAIT=registered',
      'NODECTL_PLAN=true',
    ];
    const result = await worker.run('env', [...words, '/nodectl', 'join'], {...anyExit, timeoutMs: 60_000});
    expect(`${result.exitCode} ${result.stdout} ${result.stderr}`).toMatch(/^0 Plan: /);
    await untouched();
  });
});

describe('a join that fails half-way', () => {
  it('leaves a bundle without its token, and a reset takes that away too', async () => {
    // Nothing brings a network to this node: it cannot become Ready.
    const result = await join(configuration(''), '--wait-timeout', '15');
    expect(`${result.exitCode} ${result.stderr}`).toMatch(/^8 /);
    const path = /support bundle, without secrets: (\S+)$/.exec(result.stderr.trim())?.[1] ?? '';
    const mode = await worker.run('stat', ['-c', '%a', path]);
    expect(mode.stdout.trim()).toBe('600');
    const found = await worker.run('grep', ['-c', token.slice(7), path], anyExit);
    expect(found.stdout.trim()).toBe('0');
    await worker.nodectl(['reset']);
    await untouched();
  });
});

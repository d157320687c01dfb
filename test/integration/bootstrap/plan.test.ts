import {readFileSync, writeFileSync} from 'node:fs';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {RunResult} from '../../../src/edges/process/exec.ts';
import {createLan, type Lan, type Machine} from '../support/machine.ts';
import {type Traces, traces} from '../support/traces.ts';

/** A plan is read by people, and then nothing else happens. */
let lan: Lan | undefined;
let worker: Machine;
let before: Traces;
let words: readonly string[];
let token: string;

const anyExit = {okCodes: Array.from({length: 256}, (_, code) => code)};

beforeAll(async () => {
  lan = await createLan();
  const control = await lan.machine('control');
  worker = await lan.machine('worker');
  before = await traces(worker);
  await control.nodectl(['sandbox', 'up']);
  const {stdout} = await control.nodectl(['sandbox', 'token']);
  const all = stdout.trim().split(/\s+/);
  words = all.slice(all.indexOf('join') + 1);
  token = words[words.indexOf('--token') + 1] ?? '';
}, 600_000);
afterAll(() => lan?.remove());

type Item = {readonly key: string; readonly text: string; readonly diff?: string};
type PlanDocument = {
  readonly kind: string;
  readonly items: readonly Item[];
  readonly secrets: readonly string[];
};

async function plan(): Promise<PlanDocument> {
  const {stdout} = await worker.nodectl(['join', ...words, '--plan', '-o', 'json']);
  writeFileSync(worker.path('/tmp/plan.json'), stdout);
  const document: PlanDocument = JSON.parse(stdout);
  return document;
}

function apply(...more: string[]): Promise<RunResult> {
  return worker.nodectl(['apply', '/tmp/plan.json', '--token', token, ...more], anyExit);
}

async function untouched(): Promise<void> {
  await worker.run('rm', ['-f', '/tmp/plan.json']);
  await expect.poll(() => traces(worker), {timeout: 10_000}).toEqual(before);
}

describe('a plan', {timeout: 600_000}, () => {
  it('shows every change as people read it, and no secret', async () => {
    const {items, kind, secrets} = await plan();
    expect(kind).toBe('JoinPlan');
    const keys = items.map(({key}) => key);
    for (const key of [
      'packages',
      'file /etc/containerd/config.toml',
      'file /etc/sysctl.d/90-nodectl.conf',
      'file /etc/kubernetes/kubelet.conf',
      'file /var/lib/kubelet/config.yaml',
      'request',
      'service containerd',
      'service nodectl-kubelet',
    ])
      expect(keys).toContain(key);
    const config = items.find(({key}) => key === 'file /var/lib/kubelet/config.yaml');
    expect(config?.diff).toMatch(/^\+kind: KubeletConfiguration$/m);
    expect(secrets).toEqual(['token']);
    expect(readFileSync(worker.path('/tmp/plan.json'), 'utf8')).not.toContain(token.slice(7));
    const text = await worker.nodectl(['join', ...words, '--plan']);
    expect(text.stdout).toMatch(/in the cluster:\n {2}create CertificateSigningRequest/);
    expect(text.stdout).not.toContain(token.slice(7));
    await untouched();
  });

  it('is refused on a machine that has changed since, with what has', async () => {
    await plan();
    writeFileSync(worker.path('/etc/sysctl.d/90-nodectl.conf'), '# somebody else’s\n');
    const result = await apply();
    expect(`${result.exitCode} ${result.stderr}`).toMatch(
      /^3 [\s\S]*ND907[\s\S]*90-nodectl\.conf is not as it was/,
    );
    await worker.run('rm', ['/etc/sysctl.d/90-nodectl.conf']);
    await untouched();
  });

  it('does just what it says, goes on after a kill, and is done once', async () => {
    const {items} = await plan();
    const child = worker.start('/nodectl', ['apply', '/tmp/plan.json', '--token', token]);
    child.stdout.resume();
    await new Promise<void>((resolve) => {
      child.stderr.on('data', (chunk: Buffer) => chunk.toString().includes('identity: ') && resolve());
      void child.then(() => resolve());
    });
    await worker.run('pkill', ['-9', '-f', '^/nodectl apply'], anyExit);
    await child;
    const result = await apply('-o', 'json');
    expect(`${result.exitCode} ${result.stdout} ${result.stderr}`).toMatch(/^0 /);
    const done: {phases: readonly {acts: readonly string[]}[]} = JSON.parse(result.stdout);
    const known = new Set(items.map(({text}) => text));
    const strange = done.phases
      .flatMap(({acts}) => acts)
      .filter((text) => !known.has(text) && !/^(note |request |restart )/.test(text));
    expect(strange).toEqual([]);
    const again = await plan();
    expect(again.items).toEqual([]);
    await worker.nodectl(['reset']);
    await untouched();
  });
});

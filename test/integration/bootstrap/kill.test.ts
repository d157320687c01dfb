import 'reflect-metadata';
import {randomInt} from 'node:crypto';
import {readFileSync} from 'node:fs';
import {Pkcs10CertificateRequest} from '@peculiar/x509';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import type {Child, RunResult} from '../../../src/edges/process/exec.ts';
import {KubeCli} from '../support/kube-cli.ts';
import {createLan, type Lan, type Machine} from '../support/machine.ts';
import {type Traces, traces} from '../support/traces.ts';

/** Joins that are killed, and what the same command, or a reset, makes of what they leave. */
let lan: Lan | undefined;
let worker: Machine;
let kube: KubeCli | undefined;
let before: Traces;
let words: readonly string[];

const anyExit = {okCodes: Array.from({length: 256}, (_, code) => code)};
/** NODECTL_KILLS=100 for a long run: also a reset at each phase's beginning. */
const randomKills = Number(process.env.NODECTL_KILLS ?? 2);
const isLong = randomKills > 2;
/** A quarter of them during joins that install packages too; those are slow, and so are their resets. */
const coldKills = Math.min(randomKills, Math.max(2, Math.ceil(randomKills / 4)));
/** No join here takes longer; the first that is over before its moment tells how long one takes. */
const longestMs = 7000;

beforeAll(async () => {
  lan = await createLan();
  const control = await lan.machine('control');
  worker = await lan.machine('worker');
  before = await traces(worker);
  await control.nodectl(['sandbox', 'up']);
  kube = new KubeCli(control, 'trixie');
  const {stdout} = await control.nodectl(['sandbox', 'token']);
  words = stdout.trim().split(/\s+/).slice(2);
  words = words.slice(words.indexOf('join') + 1);
}, 600_000);
afterAll(async () => {
  kube?.remove();
  await lan?.remove();
});

function join(): Promise<RunResult> {
  return worker.nodectl(['join', ...words], anyExit);
}

/** nsenter forks into the pid namespace: its one child is nodectl. */
function killAtOnce(nsenter: Child): void {
  const {pid} = nsenter;
  const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
  if (child !== undefined && child > 0) process.kill(child, 'SIGKILL');
}

/** Starts a join and kills it when `moment` resolves; a join that has ended by then is as good, but tells so. */
async function killed(moment: (child: Child) => Promise<unknown>): Promise<'killed' | 'over'> {
  const child = worker.start('/nodectl', ['join', ...words]);
  child.stdout.resume();
  const over = child.then(() => 'over' as const);
  const first = await Promise.race([moment(child).then(() => 'killed' as const), over]);
  if (first === 'killed') killAtOnce(child);
  else expect((await child).exitCode, 'a join that nobody killed').toBe(0);
  await over;
  return first;
}

function says(line: string): (child: Child) => Promise<void> {
  return (child) =>
    new Promise((resolve) => {
      let text = '';
      child.stderr.on('data', (chunk: Buffer) => {
        text += chunk.toString();
        if (text.includes(line)) resolve();
      });
    });
}

function after(ms: number): (child: Child) => Promise<void> {
  return (child) => {
    child.stderr.resume();
    return new Promise((resolve) => setTimeout(resolve, ms));
  };
}

type Requests = {items: readonly {spec: {request: string; signerName: string}}[]};

/** The public keys of all requests for a node's client certificate. */
async function requestedKeys(): Promise<string[]> {
  const {items} = (await kube?.json<Requests>('get', 'csr')) ?? {items: []};
  return items
    .filter(({spec}) => spec.signerName === 'kubernetes.io/kube-apiserver-client-kubelet')
    .map(({spec}) => {
      const pem = Buffer.from(spec.request, 'base64').toString('utf8');
      return Buffer.from(new Pkcs10CertificateRequest(pem).publicKey.rawData).toString('base64');
    });
}

async function temporaries(): Promise<string> {
  const places = ['/etc', '/var/lib/nodectl', '/var/lib/kubelet', '/usr/local/bin'];
  const {stdout} = await worker.run('find', [...places, '-name', '*.tmp'], anyExit);
  return stdout.trim();
}

async function joinsAgain(what: string): Promise<void> {
  const known = await requestedKeys();
  const again = await join();
  expect(`${what}: ${again.exitCode} ${again.stderr}`).toContain(`${what}: 0`);
  const keys = await requestedKeys();
  expect(new Set(keys).size, `${what}: no key has two requests`).toBe(keys.length);
  expect(keys.length - known.length, `${what}: at most one request`).toBeLessThanOrEqual(1);
  await expect.poll(temporaries, {message: what}).toBe('');
}

async function resets(what: string): Promise<void> {
  const {stdout} = await worker.nodectl(['reset']);
  expect(stdout, what).toMatch(/everything is as it was before|Nothing to undo/);
  // What was killed takes a moment to be reaped, and an apt that only looked may outlive its join.
  await expect.poll(() => traces(worker), {timeout: 60_000, interval: 200, message: what}).toEqual(before);
}

describe('a join that is killed as a phase begins', {timeout: 600_000}, () => {
  it('goes on with the same words, phase by phase', async () => {
    for (const phase of ['host', 'runtime', 'identity', 'services', 'ready']) {
      await killed(says(`${phase}: `));
      const keys = await requestedKeys();
      expect(new Set(keys).size, `killed at ${phase}: no key has two requests`).toBe(keys.length);
    }
    await joinsAgain('killed at every phase');
    await resets('reset after kills at every phase');
  });

  const phases = ['host', 'runtime', 'identity', 'services', 'proxy', 'ready'];
  it.each(isLong ? phases : ['services'])('at %s, and is reset instead', async (phase) => {
    await killed(says(`${phase}: `));
    await resets(`killed at ${phase}`);
  });
});

/** As many kills, each followed by the same words or nothing, and then by a reset. */
async function killAtRandom(count: number, how: string): Promise<void> {
  let lateMs = longestMs;
  for (let round = 0; round < count; round++) {
    const afterMs = randomInt(50, lateMs);
    const what = `${how} round ${round}, killed after ${afterMs} ms`;
    const started = performance.now();
    if ((await killed(after(afterMs))) === 'over')
      lateMs = Math.min(lateMs, Math.ceil(performance.now() - started));
    if (round % 2 === 0) await joinsAgain(what);
    await resets(what);
  }
}

it(
  `is as good as new after ${coldKills} kills at random moments`,
  () => killAtRandom(coldKills, 'cold'),
  7_200_000,
);

it('lets one of ten joins at once win', async () => {
  const results = await Promise.all(Array.from({length: 10}, () => join()));
  const codes = results.map(({exitCode}) => exitCode).sort((a, b) => a - b);
  expect(codes).toEqual([0, ...Array<number>(9).fill(75)]);
  await resets('ten at once');
});

describe('what a writer that was killed leaves', () => {
  it('is taken away by the next join and by a reset, the token with it', async () => {
    await killed(says('services: '));
    for (const name of ['/etc/kubernetes/.4194300.abc.tmp', '/etc/sysctl.d/.4194300.abc.tmp'])
      await worker.run('cp', ['/var/lib/kubelet/config.yaml', name]);
    await joinsAgain('with two orphans');
    await worker.run('cp', ['/var/lib/kubelet/config.yaml', '/etc/kubernetes/.4194300.abc.tmp']);
    await resets('with an orphan');
  });
});

/** Joins that find their packages are over sooner: the other kills hit what is left of them. */
describe.runIf(randomKills > coldKills)('on a machine with all packages', () => {
  it(`is as good as new after ${randomKills - coldKills} kills more`, async () => {
    const packages = [
      'containerd',
      'runc',
      'containernetworking-plugins',
      'nftables',
      'conntrack',
      'iptables',
    ];
    await worker.run('apt-get', ['-q', '-y', '--no-install-recommends', 'install', ...packages], {
      env: {DEBIAN_FRONTEND: 'noninteractive'},
    });
    before = await traces(worker);
    await killAtRandom(randomKills - coldKills, 'warm');
  }, 7_200_000);
});

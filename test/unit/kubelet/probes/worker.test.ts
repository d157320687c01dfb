import {createServer} from 'node:net';
import {Code, ConnectError} from '@connectrpc/connect';
import {describe, expect, it, vi} from 'vitest';
import type {Cri} from '../../../../src/edges/cri/client.ts';
import {probeCommand} from '../../../../src/kubelet/probes/probe.ts';
import {type ProbeType, ProbeWorker} from '../../../../src/kubelet/probes/worker.ts';
import type {Container} from '../../../../src/lib/kubernetes.ts';
import {container, nowMs} from '../pod/fixtures.ts';

/** A clock that stands until a test turns it. */
class HandClock {
  ms = 0;
  #timers: {atMs: number; fn: () => void}[] = [];
  now = () => nowMs + this.ms;
  monotonic = () => this.ms;
  after = (ms: number, fn: () => void) => {
    const timer = {atMs: this.ms + ms, fn};
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((one) => one !== timer);
    };
  };
  /** When the next timer is due, in milliseconds from now; undefined: none is. */
  next = () => this.#timers.map(({atMs}) => atMs - this.ms).sort((a, b) => a - b)[0];
  turn = (ms: number) => {
    this.ms += ms;
    const due = this.#timers.filter(({atMs}) => atMs <= this.ms);
    this.#timers = this.#timers.filter(({atMs}) => atMs > this.ms);
    for (const {fn} of due) fn();
  };
}

type Answer = 'ok' | 'bad' | 'error';
type Spec = NonNullable<Container['livenessProbe']>;

/** A worker whose exec probe answers as it is told, and what it says. */
function worker(type: ProbeType, spec: Partial<Spec>, more: {ageMs?: number; spread?: number} = {}) {
  const clock = new HandClock();
  const results: string[] = [];
  const told: string[] = [];
  let answer: Answer = 'ok';
  let calls = 0;
  const execSync = async () => {
    calls++;
    if (answer === 'error') throw new ConnectError('failed to exec in container', Code.Unknown);
    const said = new TextEncoder().encode(answer);
    return {exitCode: answer === 'ok' ? 0 : 1, stdout: said, stderr: new Uint8Array()};
  };
  const probe = new ProbeWorker({
    cri: {runtime: {execSync}} as unknown as Cri,
    clock,
    type,
    spec: {exec: {command: ['true']}, periodSeconds: 10, ...spec},
    container: container('main'),
    containerId: 'main-0',
    startedAtMs: nowMs - (more.ageMs ?? 0),
    podIp: () => '10.0.0.7',
    spread: more.spread ?? 0,
    onResult: (result) => results.push(result),
    tell: (reason, message) => told.push(`${reason}: ${message}`),
  });
  /** The next probe, to its end: nothing in it waits for anything outside. */
  const round = async (next: Answer) => {
    answer = next;
    clock.turn(clock.next() ?? 0);
    await new Promise((resolve) => setImmediate(resolve));
  };
  return {probe, clock, results, told, round, calls: () => calls};
}

describe('a probe worker (prober/worker_test.go)', () => {
  it('waits for the initial delay, counted from the start of the container', () => {
    expect(worker('liveness', {initialDelaySeconds: 30}, {ageMs: 10_000}).clock.next()).toBe(20_000);
    expect(worker('liveness', {initialDelaySeconds: 30}, {ageMs: 40_000}).clock.next()).toBe(0);
    expect(worker('liveness', {}).clock.next()).toBe(0);
  });

  it('is never set back by a clock that was', () => {
    expect(worker('liveness', {initialDelaySeconds: 30}, {ageMs: -99_000}).clock.next()).toBe(30_000);
  });

  it('spreads over its period after a restart of the kubelet', () => {
    expect(worker('readiness', {}, {spread: 0.4}).clock.next()).toBe(4000);
  });

  it('tells a failure after as many in a row as its threshold says', async () => {
    const {round, results} = worker('readiness', {failureThreshold: 3, successThreshold: 1});
    await round('ok');
    expect(results).toEqual(['success']);
    await round('bad');
    await round('bad');
    expect(results).toEqual(['success']);
    await round('ok');
    await round('bad');
    await round('bad');
    expect(results).toEqual(['success', 'success']);
    await round('bad');
    expect(results).toEqual(['success', 'success', 'failure']);
  });

  it('tells a success after as many in a row as its threshold says', async () => {
    const {round, results} = worker('readiness', {failureThreshold: 1, successThreshold: 3});
    await round('bad');
    expect(results).toEqual(['failure']);
    await round('ok');
    await round('ok');
    expect(results).toEqual(['failure']);
    await round('ok');
    expect(results).toEqual(['failure', 'success']);
  });

  it('draws nothing from faults of its own, and says so', async () => {
    const {round, results, told, calls} = worker('liveness', {failureThreshold: 1});
    await round('error');
    expect(results).toEqual([]);
    expect(calls()).toBe(3);
    expect(told).toEqual([
      'Unhealthy: Liveness probe errored and resulted in unknown state: rpc error: code = Unknown desc = failed to exec in container',
    ]);
    await round('bad');
    expect(results).toEqual(['failure']);
  });

  it.each<[ProbeType, Answer, boolean]>([
    ['liveness', 'bad', true],
    ['liveness', 'ok', false],
    ['startup', 'ok', true],
    ['startup', 'bad', true],
    ['readiness', 'bad', false],
    ['readiness', 'ok', false],
  ])('of %s, after %s, has nothing left to do: %s', async (type, answer, done) => {
    const {round, clock, results} = worker(type, {failureThreshold: 1});
    await round(answer);
    expect(results).toEqual([answer === 'ok' ? 'success' : 'failure']);
    expect(clock.next() === undefined).toBe(done);
  });

  it('stops for good', () => {
    const {probe, clock} = worker('readiness', {});
    probe.stop();
    expect(clock.next()).toBeUndefined();
  });
});

describe('the command of an exec probe (TestExpandContainerCommandOnlyStatic)', () => {
  const env = [
    {name: 'FOO', value: 'foo-value'},
    {name: 'BAR', value: 'bar-value'},
    {name: 'REF', valueFrom: {fieldRef: {fieldPath: 'metadata.name'}}},
  ];

  it.each<[string[] | undefined, string[]]>([
    [undefined, []],
    [
      ['echo', '$(FOO)', '$(BAR)'],
      ['echo', 'foo-value', 'bar-value'],
    ],
    [
      ['echo', '$(FOO)', '$(MISSING)'],
      ['echo', 'foo-value', '$(MISSING)'],
    ],
    [
      ['echo', '$$(FOO)', '[$(REF)]'],
      ['echo', '$(FOO)', '[]'],
    ],
  ])('%j becomes %j', (command, expanded) => {
    expect(probeCommand(container('main', {env}), command)).toEqual(expanded);
  });
});

it('probes the address that its pod has now, as on the host network of a node that got another one', async () => {
  const server = createServer((socket) => socket.end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const clock = new HandClock();
  const results: string[] = [];
  let podIp = '127.0.0.9';
  const probe = new ProbeWorker({
    cri: {} as Cri,
    clock,
    type: 'readiness',
    spec: {tcpSocket: {port}, failureThreshold: 1, periodSeconds: 10},
    container: container('main'),
    containerId: 'main-0',
    startedAtMs: nowMs,
    podIp: () => podIp,
    spread: 0,
    onResult: (result) => results.push(result),
    tell: () => undefined,
  });
  clock.turn(0);
  await vi.waitFor(() => expect(results).toEqual(['failure']));
  podIp = '127.0.0.1';
  await vi.waitFor(() => expect(clock.next()).toBeDefined());
  clock.turn(clock.next() ?? 0);
  await vi.waitFor(() => expect(results).toEqual(['failure', 'success']));
  probe.stop();
  await new Promise((resolve) => server.close(resolve));
});

it('calls an answer that breaks off a failure, and draws nothing from it', async () => {
  const half = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc';
  const server = createServer((socket) => socket.once('data', () => socket.end(half)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const clock = new HandClock();
  const told: string[] = [];
  const results: string[] = [];
  const probe = new ProbeWorker({
    cri: {} as Cri,
    clock,
    type: 'readiness',
    spec: {httpGet: {port}, failureThreshold: 1, periodSeconds: 10},
    container: container('main'),
    containerId: 'main-0',
    startedAtMs: nowMs,
    podIp: () => '127.0.0.1',
    spread: 0,
    onResult: (result) => results.push(result),
    tell: (reason, message) => told.push(`${reason}: ${message}`),
  });
  clock.turn(0);
  const words = 'Unhealthy: Readiness probe errored and resulted in failure state: unexpected EOF';
  await vi.waitFor(() => expect(told).toEqual([words]));
  expect(results).toEqual([]);
  probe.stop();
  await new Promise((resolve) => server.close(resolve));
});

import {describe, expect, it} from 'vitest';
import type {AnyCheck, CheckContext} from '../../../src/checks/check.ts';
import {failure, warning} from '../../../src/checks/check.ts';
import {ignoring, runChecks} from '../../../src/checks/graph.ts';
import {judgeSpace} from '../../../src/checks/host/disk/disk.ts';
import {judgeOwners} from '../../../src/checks/leftovers/ports.ts';
import {skewFinding, unreachable} from '../../../src/checks/trust/answers.ts';
import {isReadyNode} from '../../../src/checks/trust/bootstrap-reads.ts';
import {joinOptions} from '../../../src/config/join.ts';
import {proxyVariable} from '../../../src/edges/http/proxy-environment.ts';

const context: CheckContext = {
  options: joinOptions({
    endpoint: 'a',
    token: 'abcdef.0123456789abcdef',
    caCertHashes: [`sha256:${'0'.repeat(64)}`],
    hostname: 'n',
  }),
  machine: {
    root: true,
    hostname: 'n',
    arch: 'x64',
    kernel: '6.1',
    distribution: {id: 'debian', like: [], version: '12', name: 'Debian'},
    systemd: true,
    cgroup: 2,
    memoryBytes: 1024 ** 3,
    swaps: [],
    canLowerOomScore: true,
    resolvConf: undefined,
    resolved: false,
    machineId: '',
  },
  joined: false,
  ownPids: [],
};
const never = new AbortController().signal;
const stub = (
  name: string,
  after: readonly string[],
  findings = [] as ReturnType<typeof failure>[],
): AnyCheck => ({
  name,
  category: 'host',
  after,
  run: async () => findings,
});

describe('runChecks', () => {
  it('shows a root failure once and skips what it causes', async () => {
    const results = await runChecks(
      [stub('a', [], [failure('ND101', 'x')]), stub('b', ['a']), stub('c', ['b']), stub('d', [])],
      context,
      never,
    );
    expect(results.map(({name, state}) => `${name} ${state}`)).toEqual([
      'a found',
      'b skipped',
      'c skipped',
      'd ok',
    ]);
  });
  it('goes on after a warning', async () => {
    const results = await runChecks(
      [stub('a', [], [warning('ND104', 'x')]), stub('b', ['a'])],
      context,
      never,
    );
    expect(results[1]?.state).toBe('ok');
  });
  it.each([
    ['port-10250', 'warning'],
    ['nd601', 'warning'],
    ['all', 'warning'],
    ['Swap', 'error'],
  ])('ignoring %s', async (ignored, severity) => {
    const results = await runChecks([stub('Port-10250', [], [failure('ND601', 'x')])], context, never);
    const [result] = ignoring(results, [ignored]);
    expect(result?.state === 'found' && result.findings[0]?.severity).toBe(severity);
  });
});

describe('judgements', () => {
  const space = {
    path: '/x',
    freeBytes: 2 ** 40,
    totalBytes: 2 ** 41,
    freeInodes: 10 ** 6,
    totalInodes: 10 ** 7,
  };
  it.each([
    ['room', space, []],
    ['few bytes', {...space, freeBytes: 1000}, ['error']],
    ['few inodes', {...space, freeInodes: 3}, ['error']],
    ['no fixed inodes', {...space, freeInodes: 0, totalInodes: 0}, []],
    ['little of much', {...space, freeBytes: 2 ** 36}, ['warning']],
  ])('disk with %s', (_, given, severities) => {
    expect(judgeSpace(given).map(({severity}) => severity)).toEqual(severities);
  });

  it('names who holds a port, and not our own', () => {
    const owner = {port: 10250, address: '::', pid: 7, command: 'kubelet --config'};
    expect(judgeOwners([owner], [7])).toEqual([]);
    expect(judgeOwners([owner], [])[0]).toMatchObject({
      code: 'ND601',
      message: 'process 7 (kubelet --config) listens on port 10250',
    });
    expect(judgeOwners([{port: 10250, address: '::'}], [])[0]?.message).toContain('another namespace');
  });

  it.each([
    [0, undefined],
    [20_000, undefined],
    [40_000, 'warning'],
    [-40_000, 'warning'],
    [400_000, 'error'],
  ])('a clock %i ms ahead', (ms, severity) => {
    expect(skewFinding({serverTimeMs: 10 ** 12, localTimeMs: 10 ** 12 + ms})?.severity).toBe(severity);
  });

  it.each([
    ['refused', 'ND311'],
    ['timeout', 'ND312'],
    ['no-name', 'ND313'],
    ['not-tls', 'ND314'],
    ['untrusted', 'ND407'],
    ['unreachable', 'ND301'],
  ] as const)('%s is %s', (kind, code) => {
    expect(unreachable('https://a:6443', {kind, detail: 'd'}).code).toBe(code);
  });
  it('tells of a proxy that is not asked', () => {
    const {next} = unreachable('https://a:6443', {kind: 'timeout', detail: 'd'}, 'HTTPS_PROXY');
    expect(next).toEqual([
      expect.stringMatching(/^curl --noproxy /),
      expect.stringMatching(/^HTTPS_PROXY is set/),
    ]);
    expect(proxyVariable({https_proxy: 'http://p:3128', HTTPS_PROXY: ''})).toBe('https_proxy');
    expect(proxyVariable({})).toBeUndefined();
  });
  it('asks for the very name that has no address', () =>
    expect(unreachable('https://a.example:6443', {kind: 'no-name', detail: 'd'}).next[0]).toBe(
      'getent hosts a.example',
    ));

  it.each([
    [
      'connect EHOSTUNREACH 10.0.0.9:6443',
      'there is no route to a:6443, or no machine there has this address',
    ],
    ['connect ENETUNREACH 10.0.0.9:6443', 'there is no route to a:6443'],
  ])('tells a machine that is off from a route that is not there: %s', (detail, words) => {
    const {message, next} = unreachable('https://a:6443', {kind: 'unreachable', detail});
    expect(message).toBe(`${words}: ${detail}`);
    expect(next[0]).toBe('ip route get a');
  });

  it('tells a Ready node', () => {
    const node = (status: string) => JSON.stringify({status: {conditions: [{type: 'Ready', status}]}});
    expect(isReadyNode(node('True'))).toBe(true);
    expect(isReadyNode(node('Unknown'))).toBe(false);
    expect(isReadyNode('nonsense')).toBe(false);
  });
});

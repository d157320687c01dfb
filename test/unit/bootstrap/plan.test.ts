import {describe, expect, it} from 'vitest';
import {assertAsPlanned, assertInPlan} from '../../../src/bootstrap/plan/plan.ts';
import type {Plan, PlanItem} from '../../../src/bootstrap/plan/types.ts';
import {readPlanFile, withoutSecrets} from '../../../src/config/join/plan-file.ts';
import {lineDiff} from '../../../src/lib/text/line-diff.ts';

const file: PlanItem = {
  phase: 'host',
  key: 'file /etc/x',
  text: 'write /etc/x',
  before: 'absent',
  after: 'a 600',
};
const service: PlanItem = {phase: 'services', key: 'service kubelet', text: 'start kubelet', before: 'false'};
const plan = (change: Partial<Plan>): Plan => ({
  digest: 'd1',
  machine: {hostname: 'h', machineId: 'm'},
  cluster: {server: 'https://s', ca: 'sha256:c', version: 'v1.36.0'},
  items: [file, service],
  objects: [],
  ...change,
});
const other = (items: readonly PlanItem[]) => plan({digest: 'd2', items});

describe('assertAsPlanned', () => {
  it.each<[string, Plan, boolean]>([
    ['the same', plan({}), false],
    ['what is left of a plan that was begun', other([service]), true],
    ['a pre-image that was not known', other([{...file, before: undefined}, service]), false],
  ])('accepts %s', (_, now, begun) => {
    expect(() => assertAsPlanned(plan({}), now, begun)).not.toThrow();
  });

  it.each<[string, Plan, boolean, RegExp]>([
    [
      'a file that changed',
      other([{...file, before: 'b 644'}, service]),
      true,
      /file \/etc\/x is not as it was/,
    ],
    ['another content', other([{...file, after: 'b 600'}, service]), true, /would become something else/],
    [
      'a new step',
      other([file, service, {...file, key: 'file /etc/y', text: 'write /etc/y'}]),
      true,
      /not in the plan: write/,
    ],
    ['a step that somebody else has done', other([service]), false, /no longer needed: write/],
    [
      'another machine',
      plan({digest: 'd2', machine: {hostname: 'g', machineId: 'n'}}),
      true,
      /made on h, this is g/,
    ],
    [
      'another cluster',
      plan({digest: 'd2', cluster: {server: 'https://t', ca: 'sha256:c'}}),
      true,
      /was https:\/\/s/,
    ],
  ])('refuses %s', (_, now, begun, message) => {
    expect(() => assertAsPlanned(plan({}), now, begun)).toThrow(message);
  });
});

describe('assertInPlan', () => {
  it('lets planned acts and notes pass, whether a service is started or restarted', () => {
    for (const kind of ['start', 'restart'] as const)
      expect(() => assertInPlan(plan({}), {kind, name: 'kubelet'})).not.toThrow();
    expect(() => assertInPlan(plan({}), {kind: 'claim', what: 'cgroup', name: 'x'})).not.toThrow();
  });
  it('stops what nobody has read', () => {
    expect(() => assertInPlan(plan({}), {kind: 'module', name: 'x'})).toThrow('not in the plan: load');
    const act = {kind: 'file', path: '/etc/x', content: 'other', mode: 0o600} as const;
    expect(() => assertInPlan(plan({}), act)).toThrow('something else than planned');
  });
});

describe('a plan’s file', () => {
  const input = {
    hostname: 'h',
    endpoint: 'h:6443',
    token: 'abcdef.0123456789abcdef',
    proxyKubeconfig: 'users: [{token: secret}]',
    caCertHashes: ['sha256:x'],
    plan: true,
  };
  it('has no secrets, and names those that it needs', () => {
    const shown = withoutSecrets(input);
    expect(JSON.stringify(shown)).not.toMatch(/0123456789abcdef|secret}/);
    expect(shown.secrets).toEqual(['token', 'proxy-kubeconfig']);
  });
  it('is read again', () => {
    const document = {apiVersion: 'nodectl/v1', kind: 'JoinPlan', ...plan({}), ...withoutSecrets(input)};
    expect(readPlanFile('p', JSON.stringify(document))).toMatchObject({input: {endpoint: 'h:6443'}});
  });
  it.each(['', '{}', '{"apiVersion":"nodectl/v1","kind":"JoinResult"}'])('is told from %j', (text) => {
    expect(() => readPlanFile('p', text)).toThrow(expect.objectContaining({code: 'ND904'}));
  });
  it('names what another nodectl planned that this one does not know', () => {
    const own = withoutSecrets(input);
    const newer = {...own, input: {...own.input, gpu: true, cni: 'mesh'}};
    const document = {apiVersion: 'nodectl/v1', kind: 'JoinPlan', ...plan({}), ...newer};
    expect(() => readPlanFile('p', JSON.stringify(document))).toThrow(
      /^p is not a plan[\s\S]*input\.gpu: unknown field/,
    );
    expect(() => readPlanFile('p', JSON.stringify(document))).toThrow(/input\.cni/);
  });
});

describe('lineDiff', () => {
  it.each([
    ['a\nb\n', 'a\nb\n', ''],
    ['', 'a\n', '+a'],
    ['a\n', '', '-a'],
    ['1\n2\n3\n4\n5\n6\n', '1\n2\n3\nX\n5\n6\n', ' 2\n 3\n-4\n+X\n 5\n 6'],
    ['1\n2\n3\n4\n5\n6\n7\n', '0\n2\n3\n4\n5\n6\n8\n', '-1\n+0\n 2\n 3\n…\n 5\n 6\n-7\n+8'],
  ])('%j to %j', (before, after, expected) => {
    expect(lineDiff(before, after)).toBe(expected);
  });
});

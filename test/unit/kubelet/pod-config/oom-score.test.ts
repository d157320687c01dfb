import {describe, expect, it} from 'vitest';
import {isNodeCritical, oomScoreAdj} from '../../../../src/kubelet/pod/config/resources/oom-score.ts';
import type {Container, PodSpec} from '../../../../src/lib/kubernetes.ts';
import {container, pod} from './pods.ts';

/** Kubernetes' own cases of GetContainerOOMScoreAdjust (qos/policy_test.go), by their meaning. */
type Resources = NonNullable<Container['resources']>;
const standard = 8_000_000_000;
const of = (name: string, resources: Resources = {}, rest: Partial<Container> = {}) =>
  container({name, resources, ...rest});
const memory = (bytes: number): Resources => ({requests: {memory: String(bytes)}});
const always = {restartPolicy: 'Always'};
const own = (requests: Record<string, string>, limits: Record<string, string>): Resources => ({
  requests,
  limits,
});
const cpu = {cpu: '5m'};
const critical = (priorityClassName: string, priority: number) => ({priorityClassName, priority});

type Case = [string, number, Partial<PodSpec>, Record<string, number>];
const init = of('init', memory(standard / 8), {});
const main = of('main', memory(standard / 8));
const burstablePod = {resources: own({...cpu, memory: '2000000000'}, cpu)};
const guaranteedPod = {resources: own({...cpu, memory: '2G'}, {...cpu, memory: '2G'})};

const cases: Case[] = [
  ['a limit of cpu', 4e9, {containers: [of('a', {limits: {cpu: '10'}})]}, {a: 999}],
  [
    'a limit of memory and no request of cpu',
    8e9,
    {containers: [of('a', own({cpu: '0'}, {memory: '10G'}))]},
    {a: 999},
  ],
  ['a limit of nothing', 7_230_457_451, {containers: [of('a', {limits: {memory: '0'}})]}, {a: 1000}],
  ['nothing', 4e9, {containers: [of('a')]}, {a: 1000}],
  [
    'requests that are the limits',
    123_456_789,
    {containers: [of('a', own({...cpu, memory: '10G'}, {...cpu, memory: '10G'}))]},
    {a: -997},
  ],
  [
    'half of the memory',
    standard,
    {containers: [of('a', own({...cpu, memory: String(standard / 2)}, {memory: '10G'}))]},
    {a: 500},
  ],
  [
    'nearly all of it',
    standard,
    {containers: [of('a', own({memory: String(standard - 1), cpu: '5m'}, {}))]},
    {a: 3},
  ],
  [
    'critical for the cluster',
    4e9,
    {containers: [of('a')], ...critical('system-cluster-critical', 2e9)},
    {a: 1000},
  ],
  [
    'critical for the node',
    4e9,
    {containers: [of('a')], ...critical('system-node-critical', 2e9 + 1000)},
    {a: -997},
  ],
  ['an eighth', standard, {containers: [main], initContainers: [init]}, {init: 875, main: 875}],
  [
    'a smaller sidecar is kept as long as its container',
    standard,
    {containers: [main], initContainers: [init, of('s', memory(standard / 20), always)]},
    {init: 875, s: 875, main: 875},
  ],
  [
    'a sidecar of the same size',
    standard,
    {containers: [main], initContainers: [init, of('s', memory(standard / 8), always)]},
    {init: 875, s: 875, main: 875},
  ],
  [
    'a larger sidecar is kept longer',
    standard,
    {containers: [main], initContainers: [init, of('s', memory(standard / 2), always)]},
    {init: 875, s: 500, main: 875},
  ],
  [
    'a pod that is guaranteed as a whole',
    4e9,
    {...guaranteedPod, containers: [of('a'), of('b', own({cpu: '3m', memory: '1G'}, {cpu: '5m'}))]},
    {a: -997, b: -997},
  ],
  ['a pod that asks as a whole', 4e9, {...burstablePod, containers: [of('a'), of('b')]}, {a: 750, b: 750}],
  [
    'whose containers ask for all of it',
    4e9,
    {...burstablePod, containers: [of('a', memory(1e9)), of('b', memory(1e9))]},
    {a: 750, b: 750},
  ],
  [
    'of which one asks for a part',
    4e9,
    {...burstablePod, containers: [of('a', memory(1e9)), of('b')]},
    {a: 625, b: 875},
  ],
  [
    'with a sidecar',
    4e9,
    {...burstablePod, containers: [of('a')], initContainers: [of('s', {}, always)]},
    {a: 750, s: 750},
  ],
  [
    'with a sidecar that asks for the same',
    4e9,
    {...burstablePod, containers: [of('a', memory(1e9))], initContainers: [of('s', memory(1e9), always)]},
    {a: 750, s: 750},
  ],
  [
    'with a sidecar that asks for less',
    4e9,
    {
      ...burstablePod,
      containers: [of('a', memory(1e9)), of('b', memory(5e8))],
      initContainers: [of('s', memory(2e8), always)],
    },
    {a: 725, b: 850, s: 850},
  ],
];

describe('the OOM score of', () => {
  it.each(cases)('%s', (_, capacity, spec, expected) => {
    const whole = pod(spec);
    const all = [...(spec.initContainers ?? []), ...(spec.containers ?? [])];
    const scores = all.map((one) => [one.name, oomScoreAdj(whole, one, capacity)]);
    expect(Object.fromEntries(scores)).toEqual(expected);
  });
});

describe('a pod that is critical for its node (TestIsNodeCriticalPod)', () => {
  const config = 'kubernetes.io/config';
  it.each<[Record<string, string>, number | undefined, string, boolean]>([
    [{[`${config}.source`]: 'file'}, undefined, 'system-node-critical', true],
    [{[`${config}.mirror`]: 'x'}, undefined, 'system-node-critical', true],
    [{}, 2_000_000_000, 'system-node-critical', true],
    [{}, 2_000_000_001, 'system-node-critical', true],
    [{[`${config}.source`]: 'api'}, undefined, 'system-node-critical', false],
    [{}, undefined, 'system-node-critical', false],
    [{[`${config}.source`]: 'file'}, undefined, '', false],
  ])('%j, priority %s, class %j: %s', (annotations, priority, priorityClassName, expected) => {
    const {metadata, spec} = pod(priority === undefined ? {} : {priority});
    const named = {metadata: {...metadata, annotations}, spec: {...spec, priorityClassName}};
    expect(isNodeCritical(named)).toBe(expected);
  });
});

import {describe, expect, it} from 'vitest';
import type {CpuOptions} from '../../../../src/config/kubelet/rules/managers.ts';
import {cpuPolicy, validState} from '../../../../src/kubelet/managers/cpu/cpu-policy.ts';
import {readCpuState, writeCpuState} from '../../../../src/kubelet/managers/cpu/cpu-state.ts';
import {takeCpus} from '../../../../src/kubelet/managers/cpu/cpu-take.ts';
import {cpuTopology} from '../../../../src/kubelet/managers/cpu/cpu-topology.ts';
import {formatCpuSet, noCpus, parseCpuSet} from '../../../../src/lib/cpu-set.ts';
import {cpusOf} from './machines.ts';

const plain: CpuOptions = {
  fullPcpusOnly: false,
  distributeAcrossNuma: false,
  distributeAcrossCores: false,
  alignBySocket: false,
  strictReservation: false,
  alignByUncoreCache: false,
};
const set = (text: string) => parseCpuSet(text) ?? noCpus;
// Processors alternate between the sockets; the second threads follow all first ones.
const alternating = cpuTopology(
  Array.from({length: 12}, (_, id) => ({id, core: id % 6, socket: id % 2, node: id % 2, uncore: 0})),
);
const fourNodes = cpuTopology(cpusOf({sockets: 2, nodesPerSocket: 2, coresPerNode: 10, threads: 2}));
const oneSocket = cpuTopology(cpusOf({sockets: 1, nodesPerSocket: 1, coresPerNode: 4, threads: 2}));

// The first column of expectations is Kubernetes' own (cpu_assignment_test.go).
describe('takeCpus', () => {
  it.each([
    ['a core of the fuller socket', alternating, '1-5,7-11', 1, plain, '2'],
    ['whole cores, one node after the other', alternating, '0-11', 8, plain, '0-2,4,6-8,10'],
    ['whole nodes first', fourNodes, '0-79', 64, plain, '0-31,40-71'],
    ['a whole core for two', oneSocket, '0-7', 2, plain, '0,4'],
    ['what is left of a core for one', oneSocket, '1-7', 1, plain, '4'],
    ['threads of different cores', oneSocket, '0-7', 3, {...plain, distributeAcrossCores: true}, '0-2'],
    [
      'the same of two nodes',
      fourNodes,
      '0-79',
      24,
      {...plain, distributeAcrossNuma: true},
      '0-5,10-15,40-45,50-55',
    ],
    ['one node where it fits', fourNodes, '0-79', 20, {...plain, distributeAcrossNuma: true}, '0-9,40-49'],
    [
      'the rest in whole cores',
      fourNodes,
      '0-79',
      22,
      {...plain, distributeAcrossNuma: true, fullPcpusOnly: true},
      '0-5,10-14,40-45,50-54',
    ],
  ] as const)('takes %s', (_, topology, available, count, options, expected) => {
    expect(formatCpuSet(takeCpus(topology, set(available), count, options))).toBe(expected);
  });

  // Two caches of four cores with two threads each.
  const twoCaches = cpuTopology(
    Array.from({length: 16}, (_, id) => ({
      id,
      core: id % 8,
      socket: 0,
      node: 0,
      uncore: Math.floor((id % 8) / 4),
    })),
  );
  it.each([
    ['a whole cache', '0-15', 8, '0-3,8-11'],
    ['the cache that is still whole, and the rest of the other', '1-7,9-15', 10, '1,4-7,9,12-15'],
    ['what fits into one cache', '1-7,9-15', 6, '1-3,9-11'],
    ['an odd number from one cache', '0-15', 5, '0-2,8-9'],
  ])('takes %s where caches count', (_, available, count, expected) => {
    const options = {...plain, alignByUncoreCache: true};
    expect(formatCpuSet(takeCpus(twoCaches, set(available), count, options))).toBe(expected);
  });

  it('says how many there are when they are too few', () => {
    expect(() => takeCpus(oneSocket, set('1-3'), 4, plain)).toThrow(
      'not enough cpus available to satisfy request: requested=4, available=3',
    );
  });

  it('fills one cache before it takes from the next', () => {
    const caches = cpuTopology(
      Array.from({length: 16}, (_, id) => ({id, core: id, socket: 0, node: 0, uncore: Math.floor(id / 4)})),
    );
    const taken = takeCpus(caches, set('1-15'), 10, {...plain, alignByUncoreCache: true});
    expect(formatCpuSet(taken)).toBe('1-2,4-11');
  });
});

describe('the checkpoint', () => {
  // Files that Kubernetes' own tests read (state_checkpoint_test.go), and one of a node with the none policy.
  it.each([
    ['none', '{"policyName":"none","defaultCpuSet":"","checksum":1353318690}'],
    ['none', '{"policyName":"none","defaultCpuSet":"4-6","checksum":354655845}'],
    [
      'none',
      '{"policyName":"none","defaultCpuSet":"1-3","entries":{"pod":{"container1":"4-6","container2":"1-3"}},"checksum":3610638499}',
    ],
  ])('of policy %s is read and written as %s', (policy, text) => {
    expect(writeCpuState(policy, readCpuState(text, policy))).toBe(text);
  });

  it('of format 1 is read where it gives no container anything, as Kubernetes reads it', () => {
    const {shared, assignments} = readCpuState(
      '{"policyName":"none","defaultCpuSet":"1-3","checksum":1694838852}',
      'none',
    );
    expect([formatCpuSet(shared), assignments.size]).toEqual(['1-3', 0]);
  });

  it.each([
    [
      '{"policyName":"none","defaultCpuSet":"1-3","entries":{"containerID1":"4-6","containerID2":"1-3"},"checksum":3680390589}',
      'none',
      'containerID "containerID1" not found: Kubernetes before 1.18 has written this file',
    ],
    [
      '{"policyName":"none","defaultCpuSet":"1-3","entries":{"containerID1":"4-6"},"checksum":7}',
      'none',
      'checkpoint is corrupted',
    ],
    ['{"policyName":"none","defaultCpuSet":"4-6","checksum":1337}', 'none', 'checkpoint is corrupted'],
    [
      '{"policyName":"none","defaultCpuSet":"4-6","checksum":354655845}',
      'static',
      'configured policy "static" differs from state checkpoint policy "none"',
    ],
  ])('%s is refused', (text, policy, words) => {
    expect(() => readCpuState(text, policy)).toThrow(words);
  });
});

describe('the static policy', () => {
  const policy = (reserved: string, options = plain) => cpuPolicy(oneSocket, options, 2000, set(reserved));

  it('reserves a whole core where nobody names processors', () => {
    expect(formatCpuSet(policy('').reserved)).toBe('0,4');
    expect(() => policy('7-8')).toThrow('reserved-cpus: 7-8 is not a subset of online-cpus: 0-7');
  });

  it('begins with all processors shared, without the reserved ones where that is wished', () => {
    const empty = {shared: noCpus, assignments: new Map()};
    expect(formatCpuSet(validState(policy('0-1'), empty).shared)).toBe('0-7');
    const strict = policy('0-1', {...plain, strictReservation: true});
    const first = validState(strict, empty);
    expect(formatCpuSet(first.shared)).toBe('2-7');
    expect(validState(strict, first)).toBe(first);
  });

  it.each([
    ['2-7', [], 'not all reserved cpus: "0-1" are present in defaultCpuSet: "2-7"'],
    ['0-7', ['3'], 'cpuset: "3" overlaps with default cpuset "0-7"'],
    ['0-3', ['4'], 'current set of available CPUs "0-7" doesn\'t match with CPUs in state "0-4"'],
  ] as const)('refuses a state with %s shared and %s given', (shared, own, words) => {
    const assignments = new Map([['pod', new Map(own.map((cpus, at) => [`c${at}`, set(cpus)]))]]);
    expect(() => validState(policy('0-1'), {shared: set(shared), assignments})).toThrow(words);
  });
});

describe('cpu sets', () => {
  it.each(['0', '0-3', '0,2-3,8', ''])('%s reads as it is written', (text) => {
    expect(formatCpuSet(set(text))).toBe(text);
  });
  it.each(['a', '3-1', '1.3', '-1', '1,,2'])('%s is none', (text) => {
    expect(parseCpuSet(text)).toBeUndefined();
  });
});

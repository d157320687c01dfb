import {describe, expect, it} from 'vitest';
import type {CpuOptions} from '../../../../src/config/kubelet/rules/managers.ts';
import {assignCpus, cpuPolicy, enforceCores} from '../../../../src/kubelet/managers/cpu/cpu-policy.ts';
import {takeCpus} from '../../../../src/kubelet/managers/cpu/cpu-take.ts';
import {type CpuTopology, cpuTopology} from '../../../../src/kubelet/managers/cpu/cpu-topology.ts';
import {maskOf} from '../../../../src/kubelet/managers/numa.ts';
import {
  type CpuSet,
  difference,
  formatCpuSet,
  noCpus,
  parseCpuSet,
  union,
} from '../../../../src/lib/cpu-set.ts';
import {describeError} from '../../../../src/lib/errors.ts';

/** Sockets, NUMA nodes, caches, cores, threads of a core: all of a kind alike, second threads behind the first ones. */
function machine(name: string): CpuTopology {
  const [sockets = 2, nodes = 2, caches = 1, cores = 6, threads = 2] =
    /(\d+)s(\d+)n(\d+)u(\d+)c(\d+)t/.exec(name)?.slice(1).map(Number) ?? [];
  // Where cores alternate between the sockets, that is 'alternating'.
  const placed = (core: number, parts: number) =>
    name === 'alternating' && parts > 1 ? core % parts : Math.floor((core * parts) / cores);
  return cpuTopology(
    Array.from({length: cores * threads}, (_, id) => {
      const core = id % cores;
      return {
        id,
        core,
        socket: placed(core, sockets),
        node: placed(core, nodes),
        uncore: placed(core, caches),
      };
    }),
  );
}

function options(words: string): CpuOptions {
  const has = (word: string) => words.split(' ').includes(word);
  return {
    fullPcpusOnly: has('cores'),
    distributeAcrossNuma: has('numa'),
    distributeAcrossCores: has('spread'),
    alignBySocket: has('socket'),
    strictReservation: has('strict'),
    alignByUncoreCache: has('uncore'),
  };
}

const set = (text: string) => parseCpuSet(text) ?? noCpus;
const rows = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()));
/** What was taken, or why nothing was. */
function outcome(take: () => CpuSet, show = formatCpuSet): string {
  try {
    return show(take()) || '-';
  } catch (error) {
    const words = describeError(error);
    return words.startsWith('SMT Alignment Error')
      ? 'no whole cores'
      : words.replace(/^not enough .*/, 'too few');
  }
}

/** By meaning cpu_assignment_test.go: machine, options, how many, of which, and which these are. */
const taken = rows(`
  1s1n1u4c2t   | -          | 5  | 0,2,4,6                            | too few
  1s1n1u4c2t   | -          | 0  | 0-7                                | -
  1s1n1u4c2t   | -          | 1  | 0-7                                | 0
  1s1n1u4c2t   | -          | 1  | 1,3,5-7                            | 6
  1s1n1u4c2t   | -          | 2  | 0-7                                | 0,4
  1s1n1u4c2t   | -          | 8  | 0-7                                | 0-7
  1s1n1u4c2t   | -          | 2  | 0-3,6                              | 2,6
  alternating  | -          | 6  | 0-11                               | 0,2,4,6,8,10
  2s4n1u40c2t  | -          | 40 | 0-79                               | 0-19,40-59
  2s4n1u40c2t  | -          | 20 | 0-79                               | 0-9,40-49
  2s4n1u40c2t  | -          | 20 | 10-39,50-79                        | 10-19,50-59
  2s4n1u40c2t  | -          | 60 | 0-79                               | 0-29,40-69
  2s4n1u40c2t  | -          | 60 | 1-39,41-79                         | 10-39,50-79
  1s1n1u4c2t   | numa       | 5  | 0,2,4,6                            | too few
  1s1n1u4c2t   | numa       | 0  | 0-7                                | -
  1s1n1u4c2t   | numa       | 1  | 0-7                                | 0
  1s1n1u4c2t   | numa       | 1  | 1,3,5-7                            | 6
  1s1n1u4c2t   | numa       | 2  | 0-7                                | 0,4
  1s1n1u4c2t   | numa       | 8  | 0-7                                | 0-7
  1s1n1u4c2t   | numa       | 2  | 0-3,6                              | 2,6
  alternating  | numa       | 6  | 0-11                               | 0,2,4,6,8,10
  2s4n1u40c2t  | numa       | 40 | 0-79                               | 0-19,40-59
  2s4n1u40c2t  | numa       | 20 | 0-79                               | 0-9,40-49
  2s4n1u40c2t  | numa       | 20 | 10-39,50-79                        | 10-19,50-59
  2s4n1u40c2t  | numa       | 60 | 0-79                               | 0-29,40-69
  2s4n1u40c2t  | numa       | 60 | 1-39,41-79                         | 10-39,50-79
  alternating  | -          | 1  | 1-5,7-11                           | 2
  alternating  | -          | 8  | 0-11                               | 0-2,4,6-8,10
  2s4n1u40c2t  | -          | 64 | 0-79                               | 0-31,40-71
  1s1n4u16c1t  | uncore     | 10 | 1-15                               | 1-2,4-11
  alternating  | uncore     | 1  | 1-5,7-11                           | 1
  2s1n4u16c1t  | uncore     | 4  | 0-15                               | 0-3
  2s1n4u16c1t  | uncore     | 6  | 2-15                               | 2-7
  2s1n4u16c1t  | uncore     | 4  | 8-15                               | 8-11
  1s2n4u16c1t  | uncore     | 2  | 3-8,12                             | 4-5
  1s1n2u8c2t   | uncore     | 6  | 2-7,10-15                          | 4-6,12-14
  1s1n2u8c2t   | uncore     | 10 | 1-7,9-15                           | 1,4-7,9,12-15
  1s1n1u4c2t   | spread     | 3  | 0-7                                | 0-2
  alternating  | spread     | 2  | 0-11                               | 0,2
  alternating  | spread     | 3  | 0-11                               | 0,2,4
  alternating  | spread     | 6  | 0-11                               | 0,2,4,6,8,10
  alternating  | spread     | 8  | 0-11                               | 0-4,6,8,10
  2s2n1u8c1t   | spread     | 2  | 0-7                                | 0-1
  2s4n1u40c2t  | spread     | 8  | 0-79                               | 0-7
  alternating  | numa       | 8  | 0-11                               | 0-3,6-9
  2s4n1u40c2t  | numa       | 64 | 0-79                               | 0-7,10-17,20-27,30-37,40-47,50-57,60-67,70-77
  2s4n1u40c2t  | numa       | 48 | 0-79                               | 0-7,10-17,20-27,40-47,50-57,60-67
  2s4n1u40c2t  | numa       | 48 | 1-29,32-39,41-69,72-79             | 1-8,10-17,20-27,41-48,50-57,60-67
  2s4n1u40c2t  | numa       | 48 | 2-29,31-39,42-69,71-79             | 10-17,20-27,31-38,50-57,60-67,71-78
  2s4n1u40c2t  | numa       | 16 | 0-2,10-12,20-22,30-32,40-41,50-51,60-61,70-71 | 0-1,10-11,20-21,30-31,40-41,50-51,60-61,70-71
  alternating  | numa       | 1  | 1-5,7-11                           | 1
  alternating  | numa cores | 1  | 1-5,7-11                           | 2
  2s4n1u40c2t  | numa       | 26 | 0-79                               | 0-6,10-16,40-45,50-55
  2s4n1u40c2t  | numa cores | 26 | 0-79                               | 0-6,10-15,40-46,50-55
  2s4n1u40c2t  | numa       | 62 | 0-79                               | 0-7,10-17,20-27,30-37,40-47,50-57,60-66,70-76
  2s4n1u40c2t  | numa cores | 62 | 0-79                               | 0-7,10-17,20-27,30-36,40-47,50-57,60-67,70-76
  2s4n1u40c2t  | numa       | 62 | 0-8,10-18,20-48,50-58,60-79        | 0-7,10-17,20-27,30-37,40-46,50-56,60-67,70-77
  2s4n1u40c2t  | numa cores | 62 | 0-8,10-18,20-48,50-58,60-79        | 0-7,10-16,20-27,30-37,40-47,50-56,60-67,70-77
  2s4n1u40c2t  | numa       | 34 | 0-3,10-13,20-23,30-36,40-43,50-53,60-63,70-76 | 0-3,10-13,20-23,30-34,40-43,50-53,60-63,70-74
  2s8n1u128c2t | numa       | 28 | 0,30-31,43-47,62-63,75-79,94,96,101-111,126-128,158-159,171-175,190-191,203-207,222-223,229-239,254-255 | 43-47,75-79,96,101-105,171-174,203-206,229-232
`);

describe('processors', () => {
  it.each(taken)('of %s (%s) taken %s out of %s are %s', (name, words, count, available, expected) => {
    const of = machine(name ?? '');
    expect(outcome(() => takeCpus(of, set(available ?? ''), Number(count), options(words ?? '')))).toBe(
      expected,
    );
  });
});

/**
 * By meaning policy_static_test.go: machine, options, what is reserved, what each container of a pod asks for, the hint,
 * what is shared, and what the pod gets.
 */
const given = rows(`
  1s1n1u4c2t    | -             | 1 of them                 | 2        | -   | 0-1,4-5                      | 1,5
  alternating   | -             | 1 of them                 | 6        | -   | 0-1,3-11                     | 1,3,5,7,9,11
  alternating   | -             | 1 of them                 | 6        | -   | 0,2-4,6-11                   | 2-4,8-10
  2s2n1u8c1t    | -             | 1 of them                 | 4        | -   | 0-1,3-7                      | 4-7
  2s2n1u8c1t    | -             | 1 of them                 | 4        | -   | 0-1,3,6-7                    | 1,3,6-7
  alternating   | -             | 1 of them                 | 8        | -   | 0-1,3-11                     | 1,3-5,7,9-11
  1s1n1u4c2t    | -             | 1 of them                 | 1        | -   | 0-7                          | 4
  1s1n1u4c2t    | -             | 1 of them                 | 8        | -   | 0-7                          | too few
  alternating   | -             | 1 of them                 | 10       | -   | 0,4-11                       | too few
  1s1n1u4c2t    | -             | 1 of them                 | 2        | -   | 0,7                          | too few
  1s1n1u4c2t    | cores         | 1 of them                 | 1        | -   | 0-7                          | no whole cores
  alternating   | cores         | 1,6                       | 10       | -   | 0,2-5,7-11                   | no whole cores
  alternating   | cores         | 2 of them                 | 10       | -   | 1-5,7-11                     | 1-5,7-11
  alternating   | cores         | 0,6                       | 10       | -   | 1-5,7-11                     | 1-5,7-11
  2s4n1u40c2t   | socket        | 1 of them                 | 2        | 0,2 | 2,11,21-22                   | 2,11
  2s4n1u40c2t   | -             | 1 of them                 | 2        | 0,2 | 2,11,21-22                   | 2,21
  2s2n24u192c2t | cores uncore  | 0-1,96-97,192-193,288-289 | 16       | -   | 8-95,104-191,200-287,296-383 | caches 1
  2s2n24u192c2t | cores uncore  | 0-1,96-97,192-193,288-289 | 12 2     | -   | 8-95,104-191,200-287,296-383 | caches 1
  2s2n24u192c2t | cores uncore  | 0-1,96-97,192-193,288-289 | 2 12     | -   | 8-95,104-191,200-287,296-383 | caches 1
  2s2n24u192c2t | cores uncore  | 0-1,96-97,192-193,288-289 | 10 2 2 2 | -   | 8-95,104-191,200-287,296-383 | caches 1
  2s2n24u192c2t | cores uncore  | 0-1,96-97,192-193,288-289 | 12 2     | -   | 0-383                        | caches 0-1
  1s1n16u64c2t  | cores uncore  | 0-1,64-65                 | 8        | -   | 0-127                        | caches 1
  1s1n16u64c2t  | cores uncore  | 0-1,64-65                 | 12       | -   | 0-3,8-67,72-127              | caches 0,2
  1s1n16u64c1t  | cores uncore  | 0-3                       | 12       | -   | 0-7,16-19,24-63              | caches 1,4,6
  2s2n8u64c1t   | cores uncore  | 0-1,32-33                 | 4 2      | -   | 0-7,16-63                    | caches 0
  2s2n8u64c1t   | cores uncore  | 0-1,32-33                 | 4 4      | -   | 0-7,16-63                    | caches 0,2
  1s1n16u128c2t | cores uncore  | 0-1,128-129               | 12 12    | -   | 0-7,10-135,138-255           | caches 0-1
  1s1n16u128c2t | cores uncore  | 0-1,128-129               | 14 14    | -   | 0-7,10-135,138-255           | caches 2-3
  2s4n2u120c2t  | cores uncore  | 0-1,120-121               | 6        | -   | 0-239                        | 2-4,122-124
  1s1n16u128c1t | cores uncore  | 0-3                       | 8        | -   | 0-127                        | caches 1
  1s1n1u64c1t   | cores uncore  | 0-1                       | 12       | -   | 0-5,10-11,16-17,20-63        | 2-5,10-11,16-17,20-23
  1s1n4u32c1t   | cores uncore  | 0-3                       | 8        | -   | 0-7,12-15,20-23,28-31        | caches 0-1
  1s1n4u32c1t   | cores uncore  | 0-3                       | 5        | -   | 0-31                         | 8-12
  1s1n16u64c2t  | uncore        | 0-1,64-65                 | 3        | -   | 0-127                        | 2-3,66
  1s1n16u64c2t  | uncore        | 0-1,64                    | 3        | -   | 0-127                        | 2,65-66
  1s1n16u64c2t  | uncore        | 0-1,64                    | 4        | -   | 0-127                        | 4-5,68-69
  1s1n16u64c2t  | uncore        | 0-1,64                    | 11       | -   | 0-127                        | 2,4-7,65-66,68-71
  2s4n2u120c2t  | uncore        | 0-1,120                   | 5        | -   | 0-127                        | 2-3,121-123
  2s4n2u120c2t  | uncore        | 0-1,120                   | 4        | -   | 0-127                        | 2-3,122-123
  1s1n16u64c2t  | uncore strict | 0-1,64-65                 | 2        | -   | 0-127                        | 2,66
  2s4n2u120c2t  | uncore strict | 0-1,120-121               | 4        | -   | 0-239                        | 2-3,122-123
  1s1n1u4c2t    | -             | 0                         | 8        | -   | 0-7                          | too few
  1s1n1u4c2t    | -             | 0-1                       | 1        | -   | 0-7                          | 4
  1s1n1u4c2t    | -             | 0-1                       | 2        | -   | 0-1,4-5                      | 4-5
`);

describe('pods', () => {
  it.each(given)('on %s (%s) with %s reserved that ask for %s get near %s out of %s %s', (...row) => {
    const [name = '', words = '', reserved = '', counts = '', hint = '', shared = '', expected = ''] = row;
    const of = machine(name);
    const count = / of them$/.test(reserved) ? Number.parseInt(reserved, 10) : set(reserved).size;
    const named = / of them$/.test(reserved) ? noCpus : set(reserved);
    const policy = cpuPolicy(of, options(words), count * 1000, named);
    const affinity = hint === '-' ? undefined : maskOf(hint.split(',').map(Number));
    const pod = () => {
      let own = noCpus;
      for (const wanted of counts.split(' ').map(Number)) {
        const state = {shared: difference(set(shared), own), assignments: new Map()};
        enforceCores(policy, state, wanted);
        own = union(own, assignCpus(policy, state, wanted, {affinity, reusable: noCpus}));
      }
      return own;
    };
    const caches = (own: CpuSet) => `caches ${formatCpuSet(new Set(of.details.only(own).names('uncore')))}`;
    expect(outcome(pod, expected.startsWith('caches') ? caches : formatCpuSet)).toBe(expected);
  });
});

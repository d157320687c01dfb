import {describe, expect, it} from 'vitest';
import {type Hint, type Hints, maskOf, nodesOf as nodesIn} from '../../../../src/kubelet/managers/numa.ts';
import {align, type TopologyPolicy} from '../../../../src/kubelet/managers/topology.ts';
import {nodesOf} from './machines.ts';

const hint = (nodes: readonly number[], preferred: boolean): Hint => ({affinity: maskOf(nodes), preferred});
const policy = (name: TopologyPolicy['name'], count = 2, closest = false): TopologyPolicy => ({
  name,
  nodes: nodesOf(count),
  closest,
});
const of = (list: readonly Hint[] | undefined): Hints => new Map([['resource', list]]);
const nowhere: Hints = of([]);
const none: Hints = new Map();
const one = of([hint([0], true), hint([0, 1], false)]);
const both = of([hint([0], true), hint([1], true), hint([0, 1], false)]);
const other = of([hint([1], true), hint([0, 1], false)]);
const wide = of([hint([0, 1], true)]);

const show = ({affinity, preferred}: Hint) => [affinity === undefined ? 'any' : nodesIn(affinity), preferred];

describe('align', () => {
  it.each([
    ['best-effort', [none], [[0, 1], true], true],
    ['best-effort', [one, both], [[0], true], true],
    ['best-effort', [one, other], [[0], false], true],
    ['best-effort', [nowhere, one], [[0], false], true],
    ['restricted', [one, both], [[0], true], true],
    ['restricted', [one, other], [[0], false], false],
    ['restricted', [wide], [[0, 1], true], true],
    ['restricted', [nowhere], [[0, 1], false], false],
    ['single-numa-node', [both, other], [[1], true], true],
    ['single-numa-node', [wide], ['any', false], false],
    ['single-numa-node', [one, other], ['any', false], false],
    ['single-numa-node', [none], ['any', true], true],
  ] as const)('%s: case %#', (name, hints, expected, admitted) => {
    const {hint: best, admit} = align(policy(name), hints);
    expect([show(best), admit]).toEqual([expected, admitted]);
  });

  it('prefers nodes that are near to each other where that is wished', () => {
    const pairs = of([hint([0, 3], true), hint([2, 3], true)]);
    expect(show(align(policy('restricted', 4, true), [pairs]).hint)).toEqual([[2, 3], true]);
    expect(show(align(policy('restricted', 4, false), [pairs]).hint)).toEqual([[0, 3], true]);
  });
});

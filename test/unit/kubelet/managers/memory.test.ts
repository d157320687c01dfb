import {describe, expect, it} from 'vitest';
import {
  chooseNodes,
  emptyMachine,
  giveBackMemory,
  memoryHints,
  takeMemory,
  validMemoryState,
} from '../../../../src/kubelet/managers/memory/memory-policy.ts';
import {readMemoryState, writeMemoryState} from '../../../../src/kubelet/managers/memory/memory-state.ts';
import {nodesOf as nodesIn, sizeOf} from '../../../../src/kubelet/managers/numa.ts';
import {gibibyte, nodesOf} from './machines.ts';

const config = {
  reservedMemory: [{numaNode: 0, limits: {memory: '1Gi'}}],
  kubeReserved: {memory: '512Mi'},
  systemReserved: {memory: '412Mi'},
  evictionHard: {'memory.available': '100Mi'},
};
const machine = () => emptyMachine(nodesOf(2), config);
const nothing = () => 0;
const any = {affinity: undefined, preferred: false};
const gib = (count: number) => ({memory: count * gibibyte});
const block = (numaAffinity: number[], count: number) => ({
  numaAffinity,
  type: 'memory',
  size: count * gibibyte,
});

describe('memory', () => {
  it('has to be reserved on nodes as it is of the machine', () => {
    expect(() => emptyMachine(nodesOf(2), {...config, kubeReserved: {}})).toThrow(
      'the total amount "1Gi" of type "memory" is not equal to the value "512Mi" determined by Node Allocatable feature',
    );
    expect(() =>
      emptyMachine(nodesOf(1), {...config, reservedMemory: [{numaNode: 7, limits: {memory: '1Gi'}}]}),
    ).toThrow('references a NUMA node 7 that does not exist on this machine');
  });

  it('comes from one node where it fits, from both where it must', () => {
    expect(nodesIn(chooseNodes(machine(), gib(2), any, nothing))).toEqual([0]);
    expect(nodesIn(chooseNodes(machine(), gib(4), any, nothing))).toEqual([1]);
    expect(nodesIn(chooseNodes(machine(), gib(6), any, nothing))).toEqual([0, 1]);
    expect(() => chooseNodes(machine(), gib(8), any, nothing)).toThrow(
      'no NUMA nodes with enough memory is available',
    );
  });

  it('goes where all else is, and further where that is too small', () => {
    const near = {affinity: 1n, preferred: true};
    expect(nodesIn(chooseNodes(machine(), gib(2), near, nothing))).toEqual([0]);
    expect(nodesIn(chooseNodes(machine(), gib(5), {...near, preferred: false}, nothing))).toEqual([0, 1]);
  });

  it('is given alone or always with the same nodes', () => {
    const one = machine();
    takeMemory(one, block([0], 1), gibibyte);
    expect(memoryHints(one, gib(6), nothing)).toEqual([]);
    const two = machine();
    takeMemory(two, block([0, 1], 4), 4 * gibibyte);
    expect(memoryHints(two, gib(1), nothing).map(({affinity = 0n}) => sizeOf(affinity))).toEqual([2]);
  });

  it('is there again when it was given back', () => {
    const used = machine();
    takeMemory(used, block([0, 1], 5), 5 * gibibyte);
    expect(used[0]).toMatchObject({numberOfAssignments: 1, cells: [0, 1], memoryMap: {memory: {free: 0}}});
    giveBackMemory(used, block([0, 1], 5));
    expect(used).toEqual(machine());
  });

  it('is refused when the machine is another one than that of the state', () => {
    const state = {machineState: machine(), entries: {}};
    expect(validMemoryState(machine(), state)).toBe(state);
    expect(() => validMemoryState(emptyMachine(nodesOf(2, 8 * gibibyte), config), state)).toThrow(
      'the expected machine state is different from the real one',
    );
  });
});

describe('its checkpoint', () => {
  // Kubernetes' own (state_checkpoint_test.go).
  const text =
    '{"policyName":"static","machineState":{"0":{"numberOfAssignments":0,"memoryMap":{"memory":{"total":2048,"systemReserved":512,"allocatable":1536,"reserved":512,"free":1024}},"cells":[]}},"entries":{"pod":{"container1":[{"numaAffinity":[0],"type":"memory","size":512}]}},"checksum":4215593881}';

  it('is read and written as Kubernetes does', () => {
    expect(writeMemoryState('static', readMemoryState(text, 'static'))).toBe(text);
  });

  it('is taken as it is where it has no checksum', () =>
    expect(readMemoryState(text.replace('4215593881', '0'), 'static')).toEqual(
      readMemoryState(text, 'static'),
    ));

  it('is refused when it was changed or is of another policy', () => {
    expect(() => readMemoryState(text.replace('1024', '1025'), 'static')).toThrow('checkpoint is corrupted');
    expect(() => readMemoryState(text, 'None')).toThrow(
      'configured policy "None" differs from state checkpoint policy "static"',
    );
  });
});

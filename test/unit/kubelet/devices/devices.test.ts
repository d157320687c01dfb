import {describe, expect, it} from 'vitest';
import type {PluginDevice} from '../../../../src/edges/devices/client.ts';
import type {HostFacts} from '../../../../src/edges/machine/host-facts.ts';
import {readCheckpoint, writeCheckpoint} from '../../../../src/kubelet/devices/checkpoint.ts';
import {byNode, type ChoiceSeen, chooseDevices} from '../../../../src/kubelet/devices/choose.ts';
import {additionsOf} from '../../../../src/kubelet/devices/grants.ts';
import {deviceHints} from '../../../../src/kubelet/devices/hints.ts';
import {Ledger} from '../../../../src/kubelet/devices/ledger.ts';
import {isExtendedResource} from '../../../../src/kubelet/devices/names.ts';
import {nodesOf} from '../../../../src/kubelet/managers/numa.ts';
import {nodeResources} from '../../../../src/kubelet/node/resources.ts';

const device = (id: string, ...nodes: number[]): [string, PluginDevice] => [id, {id, healthy: true, nodes}];
const devices = new Map([device('a', 0), device('b', 0), device('c', 1), device('d', 1), device('e')]);
const all = new Set(devices.keys());
const seen = (more: Partial<ChoiceSeen>): ChoiceSeen => ({
  resource: 'example.com/dev',
  required: 1,
  devices,
  healthy: all,
  taken: new Set(),
  reusable: new Set(),
  affinity: undefined,
  ...more,
});
const choose = (more: Partial<ChoiceSeen>, preferred: readonly string[] = []) => {
  const choice = chooseDevices(seen(more));
  return 'ids' in choice ? [...choice.ids] : [...choice.answer(new Set(preferred))];
};

describe('chooseDevices', () => {
  it.each([
    ['any without a wish', {}, [], ['a']],
    ['what the plugin prefers', {}, ['d'], ['d']],
    [
      'those of ended init containers first',
      {required: 2, reusable: new Set(['c']), taken: new Set(['c'])},
      [],
      ['c', 'a'],
    ],
    ['near ones', {required: 1, affinity: 2n}, [], ['c']],
    ['near ones, of these the preferred', {required: 1, affinity: 2n}, ['d', 'a'], ['d']],
    ['all near ones before others', {required: 3, affinity: 2n}, ['e'], ['c', 'd', 'e']],
    ['far ones before those without a place', {required: 4, affinity: 2n}, [], ['c', 'd', 'a', 'b']],
  ] as const)('takes %s', (_, more, preferred, expected) => {
    expect(choose(more, preferred)).toEqual(expected);
  });

  it('says how many are missing', () => {
    expect(() => choose({required: 4, taken: new Set(['a', 'b'])})).toThrow(
      'requested number of devices unavailable for example.com/dev. Requested: 4, Available: 3',
    );
  });

  it('notes each device under every node it is near to', () => {
    expect(byNode(['a', 'x', 'e'], new Map([...devices, device('x', 0, 1)]))).toEqual({
      '0': ['a', 'x'],
      '1': ['x'],
      '-1': ['e'],
    });
  });
});

describe('deviceHints', () => {
  const hints = (requested: number, available = all, reusable = new Set<string>()) =>
    deviceHints({devices, numaNodes: [0, 1, 2], available, reusable, requested}).map(
      ({affinity = 0n, preferred}) => [nodesOf(affinity), preferred],
    );
  it.each([
    [
      1,
      all,
      [
        [[0], true],
        [[1], true],
        [[0, 1], false],
      ],
    ],
    [3, all, [[[0, 1], true]]],
    [
      2,
      new Set(['b', 'c', 'd']),
      [
        [[1], true],
        [[0, 1], false],
      ],
    ],
    [2, new Set(['b', 'c']), [[[0, 1], false]]],
  ] as const)('for %s', (requested, available, expected) => {
    expect(hints(requested, new Set(available))).toEqual(expected);
  });
  it('keeps what has to be used again', () => {
    expect(hints(2, new Set(['c', 'd']), new Set(['a']))).toEqual([[[0, 1], false]]);
  });
});

describe('the checkpoint', () => {
  const grant = {envs: {A: 'b'}, mounts: [], devices: [], annotations: {}, cdiDevices: []};
  const use = {uid: 'pod', container: 'main', resource: 'example.com/dev', byNode: {'0': ['a']}, grant};

  it('of a node with a GPU is read', () => {
    const text =
      '{"Data":{"PodDeviceEntries":null,"RegisteredDevices":{"nvidia.com/gpu":["GPU-0650a168-e770-3ea8-8ac3-8a1d419763e0"]}},"Checksum":3952659280}';
    expect(readCheckpoint(text)).toEqual({uses: [], resources: ['nvidia.com/gpu']});
    expect(
      writeCheckpoint(new Ledger(), {'nvidia.com/gpu': ['GPU-0650a168-e770-3ea8-8ac3-8a1d419763e0']}),
    ).toBe(text);
  });

  it('keeps who has what, and is refused when it was changed', () => {
    const text = writeCheckpoint(new Ledger([use]), {'example.com/dev': ['a', 'b']});
    expect(readCheckpoint(text)).toMatchObject({uses: [use], resources: ['example.com/dev']});
    expect(() => readCheckpoint(text.replace('"main"', '"other"'))).toThrow('checkpoint is corrupted');
  });
});

describe('additionsOf', () => {
  it('takes the first of what two want differently', () => {
    const grant = (value: string) => ({
      envs: {A: value},
      mounts: [],
      devices: [],
      annotations: {x: value},
      cdiDevices: [{name: 'vendor.com/gpu=0'}],
    });
    const [first, second] = [grant('1'), grant('2')];
    const typed = [first, second].map((g) => ({
      ...g,
      cdiDevices: g.cdiDevices.map(({name}) => ({$typeName: 'v1beta1.CDIDevice' as const, name})),
    }));
    expect(additionsOf(typed)).toMatchObject({
      environment: [{name: 'A', value: '1'}],
      annotations: {x: '1'},
      cdiDevices: ['vendor.com/gpu=0'],
    });
  });
});

const facts: HostFacts = {
  cpus: 2,
  memoryBytes: 2 ** 30,
  memoryAvailableBytes: 2 ** 29,
  swapBytes: 0,
  hugePages: new Map(),
  disk: {totalBytes: 2 ** 30, freeBytes: 2 ** 29, totalInodes: 1000, freeInodes: 900},
  pids: {max: 32768, used: 200},
  machineId: 'm',
  systemUuid: 'u',
  bootId: 'b',
  kernel: '6.1',
  osImage: 'Debian',
  architecture: 'amd64',
};

describe('resources of plugins', () => {
  it.each([
    ['nvidia.com/gpu', true],
    ['example.com/a_b.c', true],
    ['cpu', false],
    ['kubernetes.io/thing', false],
    ['requests.example.com/dev', false],
    ['example.com/', false],
    ['exa mple.com/dev', false],
  ])('%s: %s', (name, expected) => {
    expect(isExtendedResource(name)).toBe(expected);
  });

  it('go over what the Node said, and leave alone what others said', () => {
    const config = {
      maxPods: 110,
      podsPerCore: 0,
      kubeReserved: {},
      systemReserved: {},
      evictionHard: {},
      localStorageCapacityIsolation: false,
    };
    const counts = {capacity: {'a.com/x': 3}, allocatable: {'a.com/x': 2}};
    const {capacity, allocatable} = nodeResources(facts, config, {'a.com/x': '9', 'b.com/y': '1'}, counts);
    expect([capacity['a.com/x'], allocatable['a.com/x'], capacity['b.com/y']]).toEqual(['3', '2', '1']);
  });
});

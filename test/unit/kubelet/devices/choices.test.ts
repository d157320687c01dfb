import {describe, expect, it} from 'vitest';
import {chooseDevices} from '../../../../src/kubelet/devices/choose.ts';
import {deviceHints, isAligned} from '../../../../src/kubelet/devices/hints.ts';
import {maskOf, nodesOf} from '../../../../src/kubelet/managers/numa.ts';

const rows = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()));
const set = (text: string) => new Set(text === '-' ? [] : text.split(' '));
/** `1@0`: device 1, near to NUMA node 0. */
function devicesOf(text: string) {
  const found = text.split(' ').map((one) => {
    const [id = '', node] = one.split('@');
    return [id, {id, healthy: true, nodes: node === undefined ? [] : [Number(node)]}] as const;
  });
  return new Map(found);
}
const nodes = (digits: string) => maskOf([...digits].map(Number));

type Cells = readonly (string | undefined)[];

function choose([all = '', taken = '-', reusable = '-', required = '', near = '']: Cells) {
  const devices = devicesOf(all);
  return chooseDevices({
    resource: 'example.com/gpu',
    required: Number(required),
    devices,
    healthy: new Set(devices.keys()),
    taken: set(taken),
    reusable: set(reusable),
    affinity: nodes(near),
  });
}

describe('the devices of a container (devicemanager/topology_hints_test.go, by meaning)', () => {
  // Devices, how many, near to which nodes, and of which nodes they come.
  it.each(
    rows(`
  1 2                                     | 1 | 01 | -
  1 2@1                                   | 1 | 1  | 1
  1@0 2@1                                 | 1 | 0  | 0
  1@0 2@1                                 | 1 | 1  | 1
  1@0 2@1 3@0 4@1                         | 2 | 0  | 00
  1@0 2@1 3@0 4@1                         | 2 | 1  | 11
  1@0 2@1 3@0 4@1 5@0 6@1                 | 4 | 0  | 0001
  1@0 2@1 3@0 4@1 5@0 6@1                 | 4 | 1  | 0111
  1@0 2@1 3@2 4@3 5@0 6@1 7@2 8@3         | 4 | 13 | 1133
`),
  )('of %s, %s near %s are of %s', (all = '', required = '', near = '', expected = '') => {
    const devices = devicesOf(all);
    const choice = choose([all, '-', '-', required, near]);
    const ids = 'ids' in choice ? choice.ids : choice.answer(new Set());
    expect(ids.size).toBe(Number(required));
    const from = [...ids].flatMap((id) => devices.get(id)?.nodes ?? []).sort();
    expect(from.join('') || '-').toBe(expected);
  });

  // Devices, those taken, of which this pod's init containers leave some, how many, near to which node, and what the
  // plugin is asked: out of which, with which among them.
  it.each(
    rows(`
  0@0 1@0 2@0 3@0                         | -       | -   | 1 | 0 | 0 1 2 3         | -
  0@0 1@0 2@0 3@0 4@0 5@0 6@0 7@0         | 0 5     | 0 5 | 4 | 0 | 0 1 2 3 4 5 6 7 | 0 5
  0@0 1@0 2@0 3@0 4@0 5@0 6@0 7@0         | 0 5 4 1 | 0 5 | 4 | 0 | 0 2 3 5 6 7     | 0 5
  0@0 1@0 2@0 3@0 4@1 5@1 6@1 7@1         | 1 6     | 1 6 | 6 | 0 | 0 1 2 3 4 5 6 7 | 0 1 2 3 6
  0@0 1@0 2@0 3@0 4@1 5@1 6@1 7@1         | 0 1 6 7 | 1 6 | 6 | 0 | 1 2 3 4 5 6     | 1 2 3 6
`),
  )('of %s without %s, again %s: %s near %s', (...cells) => {
    const [from = '', must = ''] = cells.slice(5);
    const choice = choose(cells);
    const ask = 'ask' in choice ? choice.ask : undefined;
    expect(ask).toEqual({from: set(from), must: set(must), size: Number(cells[3])});
  });

  // Devices, how many, and where they could come from; a plus: where nothing smaller could do.
  it.each(
    rows(`
  1 2@1                                   | 1 | 1+
  1@0 2@1                                 | 1 | 0+ 1+ 01
  1@0 2@1                                 | 2 | 01+
  1@0 2@1 3@0 4@1                         | 2 | 0+ 1+ 01
`),
  )('of %s, %s come from %s', (all = '', requested = '', expected = '') => {
    const devices = devicesOf(all);
    const hints = deviceHints({
      devices,
      numaNodes: [0, 1],
      available: new Set(devices.keys()),
      reusable: new Set(),
      requested: Number(requested),
    });
    const texts = hints.map(
      ({affinity = 0n, preferred}) => `${nodesOf(affinity).join('')}${preferred ? '+' : ''}`,
    );
    expect(texts.join(' ')).toBe(expected);
  });

  it('may be anywhere where no device says where it is', () => {
    expect(isAligned(devicesOf('1 2 3 4'))).toBe(false);
    expect(isAligned(devicesOf('1 2@1'))).toBe(true);
  });
});

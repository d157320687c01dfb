import {expect, it} from 'vitest';
import {type Hint, type Hints, maskOf} from '../../../../src/kubelet/managers/numa.ts';
import {align, type TopologyPolicy} from '../../../../src/kubelet/managers/topology.ts';

/** Distances of machines: four nodes in pairs, and two such fours far from each other (policy_test.go). */
const four = [
  [10, 11, 12, 12],
  [11, 10, 12, 12],
  [12, 12, 10, 11],
  [12, 12, 11, 10],
];
const far = [30, 30, 30, 30];
const eight = [
  ...four.map((near) => [...near, ...far]),
  ...four.map((near, at) => [...far, ...(at === 3 ? [12, 12, 13, 10] : near)]),
];

function policy(
  name: TopologyPolicy['name'],
  distances: readonly number[][],
  closest: boolean,
): TopologyPolicy {
  const nodes = distances.map((to, id) => ({id, memoryBytes: 0, hugePages: new Map(), distances: to}));
  return {name, nodes, closest};
}
const narrow = (['best-effort', 'restricted'] as const).map((name) => policy(name, four, false));
const closest = (['best-effort', 'restricted'] as const).map((name) => policy(name, eight, true));
const single = [policy('single-numa-node', four, false)];
const policies: Readonly<Record<string, readonly TopologyPolicy[]>> = {
  every: [...narrow, ...closest, ...single],
  wide: [...narrow, ...closest],
  'wide 4': narrow,
  'wide 8': closest,
  single,
};

/** Nodes by their digits, and a plus where they are preferred. */
function hint(text: string, {nodes}: TopologyPolicy): Hint {
  const preferred = text.endsWith('+');
  const names = text.replace('+', '');
  if (names === 'any') return {affinity: undefined, preferred};
  return {affinity: maskOf(names === 'all' ? nodes.map(({id}) => id) : [...names].map(Number)), preferred};
}

function provider(text: string, of: TopologyPolicy): Hints {
  if (text === '-') return new Map();
  const lists = text.split(' & ').map((list, at): [string, readonly Hint[] | undefined] => {
    if (list === 'wherever') return [`r${at}`, undefined];
    return [`r${at}`, list === 'nowhere' ? [] : list.split(',').map((one) => hint(one, of))];
  });
  return new Map(lists);
}

/** By meaning policy_test.go: policies, what each provider says of its resources, and what comes of it. */
const cases = `
  every  | 0+ / 0+                | 0+
  every  | 1+ / 1+                | 1+
  every  | - / 0+                 | 0+
  every  | - / 1+                 | 1+
  every  | 0+,1+ / 0+             | 0+
  every  | 0+,1+ / 1+             | 1+
  every  | 0+,1+ / 0+,01          | 0+
  every  | 1+,01 / 0+,1+,01       | 1+
  every  | 1+,01 & 0+,1+,01       | 1+
  wide   | 01+,02+ / 01+,02+      | 01+
  wide   |                        | all+
  wide   | -                      | all+
  wide   | wherever               | all+
  wide   | nowhere                | all
  wide   | any+                   | all+
  wide   | any                    | all
  wide   | 0+ / 1+                | all
  wide   | 0+ / 0                 | 0
  wide   | 1+ / 1                 | 1
  wide   | 0+ / 01+               | 0
  wide   | 0+,1+ / 01             | 0
  wide   | 1+ / 01+               | 1
  wide   | 0123,01 / 01           | 01
  wide   | 0123,01 / 03           | 03
  wide   | 0123,01 / 12           | 12
  wide   | 0123,01 / 23           | 23
  wide 4 | 0123,01 / 12,23        | 12
  wide 4 | 0123,01 / 123,12,13,23 | 12
  wide 8 | 04+,02+ / 04+,02+      | 02+
  wide 8 | 4+,02+ / 4+,02+        | 4+
  wide 8 | 0123,01 / 12,23        | 23
  wide 8 | 0123,01 / 123,12,13,23 | 23
  single |                        | any+
  single | -                      | any+
  single | wherever               | any+
  single | nowhere                | any
  single | any+                   | any+
  single | any                    | any
  single | 0+ / 1+                | any
  single | 0+ / 0                 | any
  single | 1+ / 1                 | any
  single | 0+,1+ / 01             | any
  single | 01+ & 0+,1+,01         | any
  single | 0+,1+,01 / -           | 0+
`
  .trim()
  .split('\n')
  .map((line) => line.split('|').map((cell) => cell.trim()));

it.each(cases)('%s policy makes of %s %s', (names = '', said = '', expected = '') => {
  for (const of of policies[names] ?? []) {
    const providers = said === '' ? [] : said.split(' / ').map((one) => provider(one, of));
    expect(align(of, providers).hint, of.name).toEqual(hint(expected, of));
  }
});

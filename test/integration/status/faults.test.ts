import {existsSync, writeFileSync} from 'node:fs';
import {afterAll, beforeAll, describe, expect, it} from 'vitest';
import {createLan, type Lan} from '../support/machine.ts';
import {until} from '../support/wait.ts';
import {hostFaults} from './faults/host.ts';
import {identityFaults} from './faults/identity.ts';
import {kubeletFaults, versionFaults} from './faults/kubelet.ts';
import {networkFaults} from './faults/network.ts';
import {networklessPods, podFaults} from './faults/pods.ts';
import {proxyFaults} from './faults/proxy.ts';
import {runtimeFaults} from './faults/runtime.ts';
import {type Fault, StatusNode} from './node.ts';

/** Faults of every category, one after the other on one machine: broken, named by its code, healed. */
const faults = [
  ...hostFaults,
  ...identityFaults,
  ...networkFaults,
  ...runtimeFaults,
  ...kubeletFaults,
  ...versionFaults(existsSync('/sys/fs/cgroup/cgroup.controllers')),
  ...proxyFaults,
  ...networklessPods,
];

/** A machine that is slow besides being broken still answers within this. */
const boundMs = 15_000;

let lan: Lan;
let node: StatusNode | undefined;

beforeAll(async () => {
  lan = await createLan();
  const machine = await lan.machine('status');
  writeFileSync(machine.path('/etc/machine-id'), `${'0123456789abcdef'.repeat(2)}\n`);
  await machine.nodectl(['sandbox', 'up']);
  node = new StatusNode(machine);
  await node.healthy();
});
afterAll(async () => {
  node?.remove();
  await lan?.remove();
});

function broken(): StatusNode {
  if (node === undefined) throw new Error('there is no node');
  return node;
}

/** Looks until the fault, and nothing but the fault, is told. */
async function look({code, says, also = [], before, exit}: Fault, args: readonly string[]): Promise<void> {
  const wanted = [code, ...also];
  const found = await until(
    `the first line says ${code}, ${says}, and nothing is told but ${wanted}`,
    async () => {
      const seen = await broken().look(args, before);
      const all = seen.codes.join() === wanted.join();
      if (seen.first.startsWith(`${code} `) && says.test(seen.text) && all) return seen;
      throw new Error(seen.text);
    },
    {timeoutMs: 60_000, everyMs: 200},
  );
  expect(found.exit).toBe(exit);
  expect(found.ms).toBeLessThan(boundMs);
  // Neither a path that is longer than a line is cut, nor what is to be typed: both are there to be copied.
  const lines = found.text
    .split('\n')
    .filter((line) => line.trim().includes(' ') && !/^ +(try|or): /.test(line));
  expect(lines.filter(({length}) => length > 80)).toEqual([]);
}

it.for(faults)('says in its first line: $name', {timeout: 240_000}, async (fault) => {
  try {
    await fault.doIt(broken());
    await look(fault, fault.args ?? []);
  } finally {
    await fault.undo(broken());
  }
  // What was mended is not told any more: the next fault begins with a healthy node.
  await broken().healthy();
});

/** Faults of pods are warnings of their own: all at once, each asked for by its code. */
describe('pods', () => {
  beforeAll(async () => {
    for (const fault of podFaults) await fault.doIt(broken());
  });
  afterAll(async () => {
    for (const fault of podFaults) await fault.undo(broken());
    await broken().healthy();
  });

  it.for(podFaults)('says in its first line: $name', {timeout: 120_000}, async (fault) => {
    await look(fault, ['--only', fault.code]);
  });

  it('tells of all of them at once', {timeout: 120_000}, async () => {
    const wanted = podFaults.map(({code}) => code).sort();
    // One that ends again and again runs in between.
    const {exit} = await until(`all of ${wanted} are told`, async () => {
      const seen = await broken().look();
      if ([...seen.codes].sort().join() === wanted.join()) return seen;
      throw new Error(seen.text);
    });
    expect(exit).toBe(1);
  });
});

import {existsSync, writeFileSync} from 'node:fs';
import {afterAll, beforeAll, expect, it} from 'vitest';
import {createLan, type Lan} from '../support/machine.ts';
import {until} from '../support/wait.ts';
import {hostFaults} from './faults/host.ts';
import {identityFaults} from './faults/identity.ts';
import {networkFaults} from './faults/network.ts';
import {podFaults} from './faults/pods.ts';
import {runtimeFaults} from './faults/runtime.ts';
import {kubeletFaults, proxyFaults, versionFaults} from './faults/services.ts';
import {StatusNode} from './node.ts';

/** Every fault of every category, one after the other on one machine: broken, named by its code, healed. */
const faults = [
  ...hostFaults,
  ...identityFaults,
  ...networkFaults,
  ...runtimeFaults,
  ...kubeletFaults,
  ...versionFaults(existsSync('/sys/fs/cgroup/cgroup.controllers')),
  ...proxyFaults,
  ...podFaults,
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
});
afterAll(async () => {
  node?.remove();
  await lan?.remove();
});

it.for(faults)('says in its first line: $name', {timeout: 240_000}, async (fault) => {
  if (node === undefined) throw new Error('there is no node');
  const {code, args, before} = fault;
  const broken = node;
  await broken.healthy();
  await fault.doIt(broken);
  try {
    const found = await until(
      `the first line says ${code}, ${fault.says}`,
      async () => {
        const seen = await broken.look(args, before);
        if (seen.first.startsWith(`${code} `) && fault.says.test(seen.text)) return seen;
        throw new Error(seen.text);
      },
      {timeoutMs: 40_000, everyMs: 200},
    );
    expect(found.codes).toEqual([code, ...(fault.also ?? [])]);
    expect(found.exit).toBe(fault.exit);
    expect(found.ms).toBeLessThan(boundMs);
    for (const line of found.text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
  } finally {
    await fault.undo(broken);
  }
  await broken.healthy();
});

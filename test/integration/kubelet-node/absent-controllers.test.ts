import {existsSync} from 'node:fs';
import {afterEach, expect, it} from 'vitest';
import {openCgroups} from '../../../src/edges/cgroups/cgroups.ts';

const path = `/nodectl-absent-${process.pid}`;

afterEach(async () => {
  await (await openCgroups()).remove(path);
});

it('makes a cgroup without the limits that this kernel has no files for', async () => {
  const cgroups = await openCgroups();
  // No processor has pages of this size.
  const hugePages = {'7MB': 0};
  await cgroups.ensure(path, {pids: 99, hugePages});
  await cgroups.setHugePages(path, hugePages);
  expect(['', '/pids'].some((root) => existsSync(`/sys/fs/cgroup${root}${path}/pids.max`))).toBe(true);
});

import {mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {afterEach, beforeEach, describe, expect, it} from 'vitest';
import type {ApplyContext} from '../../../../src/kubelet/pod/apply/apply-context.ts';
import {preparePod} from '../../../../src/kubelet/pod/apply/prepare.ts';
import {newMemory} from '../../../../src/kubelet/pod/config/resources/memory.ts';
import {pod, seen} from './fixtures.ts';

let rootDir = '';
beforeEach(() => {
  rootDir = mkdtempSync(`${tmpdir()}/nodectl-prepare-`);
});
afterEach(() => rmSync(rootDir, {recursive: true}));

/** A node whose kernel refuses every cgroup, and what is told of the pod. */
function node() {
  const told: string[] = [];
  const memory = newMemory('uid-1', 300_000);
  const context = {
    deps: {
      config: {rootDir, podLogsDir: `${rootDir}/logs`, podPidsLimit: -1, cgroupRoot: '/'},
      facts: {resources: seen().resources},
      objects: {use: () => undefined},
      cgroups: {ensure: () => Promise.reject(new Error('EINVAL: invalid argument, write'))},
      recorder: {
        record: (_: object, type: string, reason: string, message: string) =>
          told.push(`${type} ${reason}: ${message}`),
      },
    },
    memory,
    pod: pod(),
  } as unknown as ApplyContext;
  return {context, memory, told};
}

describe('a pod that cannot be prepared says why', () => {
  it('where the kernel refuses its cgroup', async () => {
    const {context, memory, told} = node();
    await expect(preparePod(context)).rejects.toThrow('EINVAL');
    expect(told).toEqual([
      'Warning FailedCreatePodContainer: unable to ensure pod container exists: EINVAL: invalid argument, write',
    ]);
    expect(memory.local).toBe('unknown');
  });

  it('where its directories cannot be made', async () => {
    const {context, told} = node();
    writeFileSync(`${rootDir}/pods`, '');
    await expect(preparePod(context)).rejects.toThrow('ENOTDIR');
    expect(told).toEqual([expect.stringContaining('Warning Failed: error making pod data')]);
  });
});

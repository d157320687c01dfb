import {existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {afterEach, beforeEach, expect, it, vi} from 'vitest';
import {loadKubeletConfig} from '../../../src/config/kubelet.ts';
import {type CollectorOptions, startCollector} from '../../../src/kubelet/agent/collector.ts';
import {UserNamespaces} from '../../../src/kubelet/pod/config/security/user-namespaces.ts';

import {silent} from '../../../src/lib/log.ts';

let rootDir: string;
beforeEach(() => {
  rootDir = mkdtempSync(`${tmpdir()}/nodectl-leftovers-`);
});
afterEach(() => rmSync(rootDir, {recursive: true}));

/** userns_manager_test.go, TestCleanupOrphanedPodUsernsAllocations. */
it('gives back the ids of a pod of the past with its directory', async () => {
  const unit = 65_536;
  const podsDir = `${rootDir}/pods`;
  const mappings = [{hostId: unit, containerId: 0, length: unit}];
  for (const uid of ['past', 'new']) mkdirSync(`${podsDir}/${uid}`, {recursive: true});
  const file = JSON.stringify({uidMappings: mappings, gidMappings: mappings});
  writeFileSync(`${podsDir}/past/userns`, file);
  const range = {first: unit, count: unit};
  const namespaces = await UserNamespaces.open({podsDir, idsPerPod: unit, range, maxPods: 1});
  await expect(namespaces.of('new')).rejects.toThrow('could not find an empty slot');

  let begun = false;
  /** Only the first round begins. */
  const after = (_: number, fn: () => void) => {
    if (!begun) queueMicrotask(fn);
    begun = true;
    return () => undefined;
  };
  const config = {...loadKubeletConfig([], {}, 'n1').config, rootDir, podLogsDir: `${rootDir}/logs`};
  const collecting = startCollector({
    config,
    cgroups: {children: async () => []},
    clock: {now: () => 0, monotonic: () => 0, after},
    log: silent,
    runtime: {hasListed: true, uids: () => [], peek: () => undefined},
    known: () => new Set(['new']),
    tearDownVolumes: async (uid: string) => rmSync(`${podsDir}/${uid}`, {recursive: true}),
    releaseIds: (uid: string) => namespaces.release(uid),
    collectVolumes: async () => undefined,
    collectClaims: async () => undefined,
  } as unknown as CollectorOptions);
  await vi.waitFor(() => expect(existsSync(`${podsDir}/past`)).toBe(false));
  await collecting.stop();
  expect(await namespaces.of('new')).toMatchObject({uids: [{hostId: unit}]});
});

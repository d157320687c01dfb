import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname} from 'node:path';
import {afterEach, beforeEach, expect, it} from 'vitest';
import type {KubeletConfig} from '../../../../src/config/kubelet.ts';
import {realClock} from '../../../../src/edges/clock.ts';
import {podPaths} from '../../../../src/kubelet/pod/config/pod-paths.ts';
import {PodFilesReader} from '../../../../src/kubelet/stats/pod-files.ts';
import {silent} from '../../../../src/lib/log.ts';
import {pod} from '../pod/fixtures.ts';

const mi = 1024 * 1024;
let rootDir = '';
beforeEach(() => {
  rootDir = mkdtempSync(`${tmpdir()}/nodectl-pod-files-`);
});
afterEach(() => rmSync(rootDir, {recursive: true}));

/** CVE-2020-8557: what a container may write to without a volume. */
it('counts every file of a pod that its containers can fill', async () => {
  const config = {
    rootDir,
    podLogsDir: `${rootDir}/logs`,
    volumeStatsAggPeriod: -1,
  } as unknown as KubeletConfig;
  const {etcHosts, lastWords, logs} = podPaths(config, pod());
  const reader = new PodFilesReader({
    config,
    clock: realClock,
    log: silent,
    readVolumes: async () => new Map(),
  });
  for (const [path, size] of [
    [etcHosts, 1],
    [`${lastWords}/main/x`, 2],
    [`${logs}/main/0.log`, 4],
  ] as const) {
    mkdirSync(dirname(path), {recursive: true});
    writeFileSync(path, Buffer.alloc(size * mi, 1));
  }
  const files = (await reader.read([pod()], new AbortController().signal)).get('uid-1');
  // A file system may allocate more than was written.
  expect(files?.own.usedBytes).toBeGreaterThanOrEqual(3 * mi);
  expect(files?.logs.get('main')?.usedBytes).toBeGreaterThanOrEqual(4 * mi);
});

import {expect, it} from 'vitest';
import {usageOf} from '../../../src/kubelet/volumes/usage/usage.ts';
import type {StandingVolume} from '../../../src/kubelet/volumes/volumes.ts';
import type {Pod} from '../../../src/lib/kubernetes.ts';

function standing(field: string, more: Partial<StandingVolume>, usage?: () => Promise<undefined>) {
  const plugin = {
    field,
    directory: `kubernetes.io~${field}`,
    follows: false,
    prepare: () => Promise.reject(),
  };
  const place = {uid: 'u', specName: field, mode: 'Filesystem', directory: '/', rootDir: '/'} as const;
  return {
    path: '/proc/self/fd',
    readOnly: false,
    place,
    plugin: usage ? {...plugin, usage} : plugin,
    ...more,
  };
}

it('tells of each look at a volume by what was asked, also of one that failed', async () => {
  const volumes = new Map<string, StandingVolume>([
    ['host', standing('hostPath', {})],
    ['tmp', standing('emptyDir', {})],
    ['ram', standing('secret', {})],
    ['gone', standing('csi', {driver: 'disk.csi.test'}, () => Promise.reject(new Error('no answer')))],
  ]);
  const names = [...volumes.keys()];
  const pod: Pod = {
    metadata: {name: 'p', namespace: 'n', uid: 'u', resourceVersion: '1'},
    spec: {containers: [], volumes: names.map((name) => ({name}))},
  };
  const read: string[] = [];
  await usageOf(pod, volumes, AbortSignal.timeout(5_000), (source, seconds) => {
    expect(seconds).toBeGreaterThanOrEqual(0);
    read.push(source);
  });
  expect(read).toEqual(['du', 'statfs', 'disk.csi.test']);
});

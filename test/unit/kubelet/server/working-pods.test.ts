import {expect, it} from 'vitest';
import {loadKubeletConfig} from '../../../../src/config/kubelet.ts';
import {PodStore} from '../../../../src/kubelet/api/pod-store.ts';
import {queries} from '../../../../src/kubelet/api/queries.ts';
import type {PodWorkers} from '../../../../src/kubelet/pod/worker.ts';
import type {RuntimeCache} from '../../../../src/kubelet/runtime/cache.ts';
import {createMetrics} from '../../../../src/kubelet/server/pages/metrics.ts';
import {Telemetry} from '../../../../src/kubelet/stats/metrics/telemetry.ts';
import type {Stats} from '../../../../src/kubelet/stats/stats.ts';
import {pod} from '../pod/fixtures.ts';

const {config} = loadKubeletConfig([], {}, 'n1');
const file = {annotations: {'kubernetes.io/config.source': 'file'}};

/** e2e_node, mirror_pod_grace_period_test.go: a static pod whose file has gone, while the runtime is down. */
it('tells of pods that are worked on, also when no source knows them any more', async () => {
  const store = new PodStore();
  const conditions = [
    {type: 'PodResizePending', status: 'True', reason: 'Deferred'},
    {type: 'PodResizeInProgress', status: 'True'},
  ];
  store.put({...pod({}, {uid: 'wanted'}), status: {conditions}}, false);
  const working = [
    {uid: 'wanted', pod: pod({}, {uid: 'wanted'}), lifecycle: 'sync'},
    {uid: 'file', pod: pod({}, {uid: 'file', ...file}), lifecycle: 'terminating'},
    {uid: 'stranger', pod: undefined, lifecycle: 'terminating'},
  ] as const;
  const workers = {working: () => working, status: () => undefined} as unknown as PodWorkers;
  const asked = queries({config, store, workers, runtime: {} as RuntimeCache});
  const metrics = createMetrics({
    config,
    agent: {...asked, active: () => [], mirrors: () => 1},
    stats: {get: () => Promise.reject(new Error('none'))} as unknown as Stats,
    telemetry: new Telemetry(0),
  });
  const lines = (await metrics.text()).split('\n');
  const found = lines.filter((line) => line.startsWith('kubelet_working_pods{'));
  expect(found).toHaveLength(15);
  expect(found.filter((line) => !line.endsWith(' 0')).sort()).toEqual([
    'kubelet_working_pods{lifecycle="sync",config="desired",static=""} 1',
    'kubelet_working_pods{lifecycle="terminating",config="orphan",static="true"} 1',
    'kubelet_working_pods{lifecycle="terminating",config="runtime_only",static="unknown"} 1',
  ]);
  expect(lines).toContain('kubelet_mirror_pods 1');
  expect(lines).toContain('kubelet_pod_pending_resizes{reason="deferred"} 1');
  expect(lines).toContain('kubelet_pod_in_progress_resizes 1');
  expect(lines).toContain('kubelet_desired_pods{static="true"} 0');
});

import {expect, it} from 'vitest';
import {ProbeMetrics, type ProbeOutcome} from '../../../../src/kubelet/stats/metrics/pods/probe-metrics.ts';
import {pod} from '../pod/fixtures.ts';

it('counts each probe of a container, and times those that succeed, until the pod is gone', async () => {
  const metrics = new ProbeMetrics();
  const done = (outcome: ProbeOutcome, seconds: number) =>
    metrics.done({pod: pod(), container: 'main', type: 'liveness', outcome, seconds});
  done('successful', 0.2);
  done('failed', 1);
  done('failed', 1);
  done('unknown', 3);
  const of = 'probe_type="Liveness"';
  const where = 'container="main",pod="web",namespace="default"';
  const lines = async () =>
    (await metrics.registry.metrics()).split('\n').filter((line) => line.includes(of));
  const told = await lines();
  for (const [result, count] of [
    ['successful', 1],
    ['failed', 2],
    ['unknown', 1],
  ])
    expect(told).toContain(`prober_probe_total{${of},${where},pod_uid="uid-1",result="${result}"} ${count}`);
  expect(told).toContain(`prober_probe_duration_seconds_count{${of},${where}} 1`);
  expect(told).toContain(`prober_probe_duration_seconds_sum{${of},${where}} 0.2`);
  metrics.forget('uid-1');
  expect(await lines()).toEqual([]);
});

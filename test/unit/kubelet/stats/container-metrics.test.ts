import {Registry} from 'prom-client';
import {expect, it} from 'vitest';
import {ContainerMetrics} from '../../../../src/kubelet/stats/metrics/pods/container-metrics.ts';
import {Telemetry} from '../../../../src/kubelet/stats/metrics/telemetry.ts';
import type {Pod, PodStatus} from '../../../../src/lib/kubernetes.ts';

const born = Date.UTC(2026, 0, 1);
const at = (seconds: number) => new Date(born + seconds * 1000).toISOString();
const pod: Pod = {
  metadata: {name: 'web', namespace: 'shop', uid: 'u1', resourceVersion: '1'},
  spec: {containers: [{name: 'main'}, {name: 'old'}], initContainers: [{name: 'init'}]},
};
const common = {ready: true, restartCount: 0, image: '', imageID: ''};
const running = (name: string, id: string, startedAt: string) => ({
  ...common,
  name,
  containerID: id,
  state: {running: {startedAt}},
});
const ended = (id: string, exitCode: number, reason: string, from: number) => ({
  terminated: {containerID: id, exitCode, reason, startedAt: at(from), finishedAt: at(from + 1)},
});

it('counts each container once, as what it is, and nothing from before', async () => {
  const registry = new Registry();
  const metrics = new ContainerMetrics(registry, born);
  const init = {...common, name: 'init', containerID: 'i1', state: ended('i1', 0, 'Completed', 1)};
  const first: PodStatus = {
    initContainerStatuses: [init],
    containerStatuses: [running('main', 'm1', at(2)), running('old', 'o1', at(-60))],
  };
  metrics.statusWritten(pod, first);
  metrics.statusWritten(pod, first);
  metrics.statusWritten(pod, {
    initContainerStatuses: [init],
    containerStatuses: [
      {...running('main', 'm2', at(9)), lastState: ended('m1', 137, 'OOMKilled', 2)},
      {...common, name: 'old', containerID: 'o1', state: ended('o1', 1, 'Error', -60)},
    ],
  });
  const lines = (await registry.metrics())
    .split('\n')
    .filter((line) => /_(total|sum|count)\b.* \d/.test(line));
  expect(lines).toEqual([
    'kubelet_containers_per_pod_count_sum 2',
    'kubelet_containers_per_pod_count_count 1',
    'kubelet_started_containers_total{container_type="init_container"} 1',
    'kubelet_started_containers_total{container_type="container"} 2',
    'kubelet_terminated_containers_total{container_type="init_container",exit_code="0",reason="Completed"} 1',
    'kubelet_terminated_containers_total{container_type="container",exit_code="137",reason="OOMKilled"} 1',
  ]);
});

it('tells how long cgroups take, of which version they are, and how old the numbers of an eviction were', async () => {
  const telemetry = new Telemetry(born);
  const done = () => Promise.resolve();
  const refuse = () => Promise.reject(new Error('EBUSY'));
  const cgroups = telemetry.cgroups.timed({
    v2: true,
    ensure: done,
    remove: refuse,
    memoryUsage: () => Promise.resolve(undefined),
    children: () => Promise.resolve([]),
    setHugePages: done,
  });
  await cgroups.ensure('/a', {});
  await expect(cgroups.remove('/a')).rejects.toThrow('EBUSY');
  telemetry.evicted('memory.available', 1500);
  const lines = (await telemetry.registry.metrics()).split('\n');
  for (const line of [
    'kubelet_cgroup_version 2',
    'kubelet_cgroup_manager_duration_seconds_count{operation_type="update"} 1',
    'kubelet_cgroup_manager_duration_seconds_count{operation_type="destroy"} 1',
    'kubelet_eviction_stats_age_seconds_sum{eviction_signal="memory.available"} 1.5',
    'kubelet_evictions{eviction_signal="memory.available"} 1',
  ])
    expect(lines).toContain(line);
});

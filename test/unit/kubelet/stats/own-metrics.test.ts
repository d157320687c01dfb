import {expect, it} from 'vitest';
import {gateStates} from '../../../../src/config/kubelet/gate-stages.ts';
import {limited} from '../../../../src/edges/kube/rate-limit.ts';
import {Telemetry} from '../../../../src/kubelet/stats/metrics/telemetry.ts';
import type {Clock} from '../../../../src/lib/time.ts';

it.each([
  ['ContainerCheckpoint', 'BETA', true],
  ['NodeSwap', '', true],
  ['EventedPLEG', 'ALPHA', false],
  ['MaxUnavailableStatefulSet', 'BETA', false],
  ['KMSv1', 'DEPRECATED', false],
  ['GitRepoVolumeDriver', 'DEPRECATED', false],
  ['DRAPrioritizedList', '', true],
])('the gate %s is of the stage %j', (name, stage, enabled) => {
  expect(gateStates({})).toContainEqual({name, stage, enabled});
});

it('a gate is as it was set', () => {
  expect(gateStates({MemoryQoS: true})).toContainEqual({name: 'MemoryQoS', stage: 'ALPHA', enabled: true});
});

it('counts what plugins and notes there are when it is asked', async () => {
  const telemetry = new Telemetry(0);
  telemetry.images.follow(async () => ({intents: 2, records: 7}));
  telemetry.plugins.follow(() => ({actual: ['/r/a.sock'], desired: ['/r/a.sock', '/r/b.sock']}));
  telemetry.plugins.credentialProvider('ecr', 0.2, true);
  telemetry.plugins.credentialProviders('sha256:old');
  telemetry.plugins.credentialProviders('sha256:new');
  telemetry.volumes.usageRead('du', 0.2);
  telemetry.podRead(30);
  const lines = (await telemetry.registry.metrics()).split('\n');
  for (const line of [
    'kubelet_imagemanager_ondisk_pullintents 2',
    'kubelet_imagemanager_ondisk_pulledrecords 7',
    'plugin_manager_total_plugins{socket_path="/r/a.sock",state="actual_state_of_world"} 1',
    'plugin_manager_total_plugins{socket_path="/r/b.sock",state="desired_state_of_world"} 1',
    'kubelet_credential_provider_plugin_errors_total{plugin_name="ecr"} 1',
    'kubelet_credential_provider_plugin_duration_count{plugin_name="ecr"} 1',
    'kubelet_credential_provider_config_info{hash="sha256:new"} 1',
    'kubelet_volume_metric_collection_duration_seconds_bucket{le="0.25",metric_source="du"} 1',
    'kubelet_pleg_pod_relist_duration_seconds_bucket{le="0.05"} 1',
    'kubelet_pleg_discard_events 0',
  ])
    expect(lines).toContain(line);
  expect(lines.filter((line) => line.includes('sha256:old'))).toEqual([]);
});

it('tells how long a call to the API server waited for its turn', async () => {
  let ms = 0;
  const clock: Clock = {
    now: () => ms,
    monotonic: () => ms,
    after(after, run) {
      ms += after;
      queueMicrotask(run);
      return () => undefined;
    },
  };
  const turns: unknown[] = [];
  const request = async () => ({});
  // Only `request` is called.
  const client = limited({request} as never, {perSecond: 10, burst: 1}, clock, (...told) => turns.push(told));
  await client.request('POST', '/x');
  await client.request('POST', '/x');
  expect(turns).toEqual([
    ['POST', 0],
    ['POST', 0.1],
  ]);
});

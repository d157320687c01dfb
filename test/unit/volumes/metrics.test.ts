import {Registry} from 'prom-client';
import {expect, it} from 'vitest';
import {VolumeMetrics} from '../../../src/kubelet/stats/metrics/pods/volume-metrics.ts';
import {VolumeWaitError} from '../../../src/kubelet/volumes/types.ts';
import {
  type Measurable,
  measureMount,
  measureUnmounts,
  pluginName,
} from '../../../src/kubelet/volumes/usage/measure.ts';

it('tells of volumes in the names of Kubernetes', async () => {
  const registry = new Registry();
  const metrics = new VolumeMetrics(registry);
  metrics.operation({
    plugin: 'kubernetes.io/configmap',
    operation: 'volume_mount',
    seconds: 0.2,
    failed: false,
  });
  const plugin = 'kubernetes.io/csi:ebs.csi.aws.com';
  metrics.operation({plugin, operation: 'volume_mount', seconds: 3, failed: true, migrated: true});
  metrics.csiCall({driver: 'd', method: '/csi.v1.Node/NodePublishVolume', code: 'OK', seconds: 2});
  metrics.countBy(() => new Map([['kubernetes.io/secret', 3]]));
  const text = await registry.metrics();
  for (const line of [
    'storage_operation_duration_seconds_bucket{le="0.25",volume_plugin="kubernetes.io/configmap",operation_name="volume_mount",status="success",migrated="false"} 1',
    'storage_operation_duration_seconds_sum{volume_plugin="kubernetes.io/csi:ebs.csi.aws.com",operation_name="volume_mount",status="fail-unknown",migrated="true"} 3',
    'csi_operations_seconds_sum{driver_name="d",method_name="/csi.v1.Node/NodePublishVolume",grpc_status_code="OK",migrated="false"} 2',
    'volume_manager_total_volumes{plugin_name="kubernetes.io/secret",state="actual_state_of_world"} 3',
  ])
    expect(text).toContain(line);
});

it('measures what volumes take, with the wait for an attachment apart', async () => {
  const done: string[] = [];
  const context = {
    measured: ({plugin, operation, failed}: {plugin: string; operation: string; failed: boolean}) =>
      void done.push(`${plugin} ${operation} ${failed}`),
  };
  const fails = (error: Error) => () => Promise.reject(error);
  const files: Measurable = {plugin: 'p', mode: 'Filesystem', migrated: false};
  expect(await measureMount(context, files, async () => 1)).toBe(1);
  await expect(measureMount(context, {...files, mode: 'Block'}, fails(new Error('no')))).rejects.toThrow(
    'no',
  );
  const wait = new VolumeWaitError('VerifyControllerAttachedVolume failed', 'not yet');
  await expect(measureMount(context, files, fails(wait))).rejects.toBe(wait);
  measureUnmounts(context, [{plugin: 'kubernetes.io~csi', mode: 'Block'}], 0, false);
  expect(done).toEqual([
    'p volume_mount false',
    'p map_volume true',
    'p verify_controller_attached_volume true',
    'kubernetes.io/csi unmap_volume false',
  ]);
  expect(pluginName({directory: 'kubernetes.io~csi'}, {name: 'v', csi: {driver: 'd'}})).toBe(
    'kubernetes.io/csi:d',
  );
});

import {expect, it} from 'vitest';
import {Telemetry} from '../../../../src/kubelet/stats/metrics/telemetry.ts';

async function lines(does: (telemetry: Telemetry) => void): Promise<string[]> {
  const telemetry = new Telemetry(0);
  does(telemetry);
  return (await telemetry.registry.metrics()).split('\n');
}

const mib = 2 ** 20;
const gib = 2 ** 30;

/** GetImageSizeBucket. */
it.each([
  [0, 'N/A'],
  [1, '0-10MB'],
  [10 * mib, '0-10MB'],
  [10 * mib + 1, '10MB-100MB'],
  [101 * mib, '100MB-500MB'],
  [501 * mib, '500MB-1GB'],
  [2 * gib, '1GB-5GB'],
  [7 * gib, '5GB-10GB'],
  [15 * gib, '10GB-20GB'],
  [25 * gib, '20GB-30GB'],
  [35 * gib, '30GB-40GB'],
  [50 * gib, '40GB-60GB'],
  [70 * gib, '60GB-100GB'],
  [101 * gib, 'GT100GB'],
])('calls the size of an image of %i bytes %s', async (bytes, label) => {
  const told = await lines(({images}) => images.pulled(3, bytes));
  expect(told).toContain(`kubelet_image_pull_duration_seconds_sum{image_size_in_bytes="${label}"} 3`);
});

it('counts what happens to pods now and then, in the words of Kubernetes', async () => {
  const told = await lines(({podCounts, images}) => {
    podCounts.hookFellBack();
    podCounts.sleepCut();
    podCounts.orphaned();
    podCounts.sandboxTried('kata', 2, true);
    podCounts.sandboxTried('', 0.2, false);
    podCounts.imageVolumes(2, 3, false);
    podCounts.imageVolumes(1, 1, true);
    podCounts.statusSynced(0.2);
    podCounts.workBegan(0.001);
    images.asked({policy: 'IfNotPresent', present: undefined, pull: true});
    images.checked('mustAuthenticate');
  });
  for (const line of [
    'kubelet_lifecycle_handler_http_fallbacks_total 1',
    'kubelet_sleep_action_terminated_early_total 1',
    'kubelet_restarted_pods_total{static="true"} 0',
    'kubelet_restarted_pods_total{static=""} 0',
    'kubelet_orphaned_runtime_pods_total 1',
    'kubelet_run_podsandbox_errors_total{runtime_handler="kata"} 1',
    'kubelet_run_podsandbox_duration_seconds_sum{runtime_handler="kata"} 2',
    'kubelet_run_podsandbox_duration_seconds_count{runtime_handler=""} 1',
    'kubelet_image_volume_requested_total 3',
    'kubelet_image_volume_mounted_succeed_total 3',
    'kubelet_image_volume_mounted_errors_total 1',
    'kubelet_pod_status_sync_duration_seconds_sum 0.2',
    'kubelet_pod_worker_start_duration_seconds_count 1',
    'kubelet_image_manager_ensure_image_requests_total{pull_policy="ifnotpresent",present_locally="unknown",pull_required="true"} 1',
    'kubelet_imagemanager_image_mustpull_checks_total{result="mustAuthenticate"} 1',
  ])
    expect(told).toContain(line);
});

import {Registry} from 'prom-client';
import {describe, expect, it} from 'vitest';
import {NodeMetrics} from '../../../../src/kubelet/stats/metrics/node-metrics.ts';
import {StartupMetrics} from '../../../../src/kubelet/stats/metrics/startup-metrics.ts';

const samples = async (registry: Registry) =>
  (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));

describe('what the node takes and refuses', () => {
  /** By meaning kubelet_test.go, TestRecordAdmissionRejection. */
  it.each([
    ...['AppArmor', 'PodOSSelectorNodeLabelDoesNotMatch', 'PodOSNotSupported', 'InvalidNodeInfo'],
    ...['InitContainerRestartPolicyForbidden', 'SupplementalGroupsPolicyNotSupported', 'UnknownReason'],
    ...['UnexpectedAdmissionError', 'UnexpectedPredicateFailureType', 'PodLevelResourcesNotSupported'],
    ...['OutOfcpu', 'OutOfmemory', 'OutOfephemeral-storage', 'OutOfpods', 'Evicted', 'SysctlForbidden'],
    ...['TopologyAffinityError', 'NodeShutdown', 'VolumeAttachmentLimitExceeded'],
    ['OutOfnvidia.com/gpu', 'OutOfExtendedResources'] as const,
    ['OutOfhugepages-2Mi', 'OutOfExtendedResources'] as const,
    ['NodeAffinity', 'Other'] as const,
    ['', 'Other'] as const,
  ])('counts a refusal for %s', async (given) => {
    const [reason, label] = typeof given === 'string' ? [given, given] : given;
    const registry = new Registry();
    new NodeMetrics(registry).rejected(reason);
    expect(await samples(registry)).toContain(
      `kubelet_admission_rejections_total{reason="${label === '' ? 'Other' : label}"} 1`,
    );
  });

  it('counts preemptions, images and plugins, and tells of the last shutdown', async () => {
    const registry = new Registry();
    const metrics = new NodeMetrics(registry);
    metrics.preempted('memory');
    metrics.preempted('memory');
    metrics.imageRemoved('age');
    metrics.imageRemoved('space');
    metrics.pluginRegistered('example.com/gpu');
    metrics.allocated('example.com/gpu', 0.02);
    metrics.shutdown(1_700_000_000_900, undefined);
    const lines = await samples(registry);
    for (const line of [
      'kubelet_preemptions{preemption_signal="memory"} 2',
      'kubelet_image_garbage_collected_total{reason="age"} 1',
      'kubelet_image_garbage_collected_total{reason="space"} 1',
      'kubelet_device_plugin_registration_total{resource_name="example.com/gpu"} 1',
      'kubelet_device_plugin_alloc_duration_seconds_bucket{le="0.025",resource_name="example.com/gpu"} 1',
      'kubelet_graceful_shutdown_start_time_seconds 1700000000',
      'kubelet_graceful_shutdown_end_time_seconds 0',
    ])
      expect(lines).toContain(line);
    metrics.shutdown(1_700_000_000_900, 1_700_000_030_100);
    expect(await samples(registry)).toContain('kubelet_graceful_shutdown_end_time_seconds 1700000030');
  });
});

/** By meaning util/node_startup_latency_tracker_test.go. */
describe('the start of a node', () => {
  const bootMs = 100_000;
  const startedMs = 130_000;
  async function told(does: (metrics: StartupMetrics) => void): Promise<number[]> {
    const registry = new Registry();
    does(new StartupMetrics(registry, startedMs, bootMs));
    return (await samples(registry)).map((line) => Number(line.split(' ')[1]));
  }

  it.each<[string, (metrics: StartupMetrics) => void, number[]]>([
    ['says nothing before', () => undefined, [0, 0, 0, 0, 0]],
    ['says nothing of a try alone', (m) => m.registering(131_000), [0, 0, 0, 0, 0]],
    ['says nothing of a Node that was there', (m) => m.ready(131_000), [0, 0, 0, 0, 0]],
    [
      'says nothing of a Node that was there and is Ready',
      (m) => [m.registering(131_000), m.ready(132_000)],
      [0, 0, 0, 0, 0],
    ],
    [
      'counts to the registration from the first try on',
      (m) => [m.registering(131_000), m.registering(135_000), m.registered(136_000)],
      [30, 1, 5, 0, 0],
    ],
    [
      'counts to Ready, once',
      (m) => [m.registering(131_000), m.registered(132_000), m.ready(142_000), m.ready(150_000)],
      [30, 1, 1, 10, 42],
    ],
    [
      'counts one registration, also of a Node that was deleted meanwhile',
      (m) => [
        m.registering(131_000),
        m.registered(132_000),
        m.ready(142_000),
        m.registering(160_000),
        m.registered(161_000),
        m.ready(162_000),
      ],
      [30, 1, 1, 10, 42],
    ],
  ])('%s', async (_, does, expected) => expect(await told(does)).toEqual(expected));
});

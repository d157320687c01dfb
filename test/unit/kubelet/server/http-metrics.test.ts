import {Registry} from 'prom-client';
import {describe, expect, it} from 'vitest';
import {
  countRequests,
  countWebSockets,
  httpLabels,
} from '../../../../src/kubelet/server/pages/http-metrics.ts';
import {matchRoute} from '../../../../src/kubelet/server/routes.ts';
import {CgroupMetrics} from '../../../../src/kubelet/stats/metrics/cgroup-metrics.ts';
import {PodMetrics} from '../../../../src/kubelet/stats/metrics/pods/pod-metrics.ts';

/** The rows of TestMetricBuckets and TestMetricMethodBuckets, of what is served here. */
describe('labels of requests', () => {
  it.each([
    ['/healthz', 'healthz'],
    ['/healthz/log', 'healthz'],
    ['/attach/ns/pod/uid/c', 'attach'],
    ['/configz', 'configz'],
    ['/containerLogs/ns/pod/c', 'containerLogs'],
    ['/exec/ns/pod/c', 'exec'],
    ['/metrics', 'metrics'],
    ['/metrics/cadvisor', 'metrics/cadvisor'],
    ['/metrics/probes', 'metrics/probes'],
    ['/metrics/resource', 'metrics/resource'],
    ['/pods/', 'pods'],
    ['/portForward/ns/pod', 'portForward'],
    ['/run/ns/pod/c', 'run'],
    ['/runningpods/', 'runningpods'],
    ['/stats/summary', 'stats'],
    ['/checkpoint/ns/pod/c', 'checkpoint'],
    ['/statusz', 'statusz'],
    ['/flagz', 'flagz'],
    ['/metrics/slis', 'other'],
    ['/junk', 'other'],
    ['/healthzjunk', 'other'],
    ['/%', 'other'],
  ])('%s is %s', (path, bucket) => expect(httpLabels('GET', matchRoute(path).endpoint).path).toBe(bucket));

  it.each([
    ['GET', 'GET'],
    ['POST', 'POST'],
    ['WEIRD', 'other'],
  ])('%s is %s', (method, bucket) => expect(httpLabels(method, 'pods').method).toBe(bucket));

  it('tell streams from the rest', () => {
    expect(httpLabels('POST', 'exec').long_running).toBe('true');
    expect(httpLabels('GET', 'logs').long_running).toBe('false');
  });
});

const sample = async (registry: Registry, line: string) =>
  Number(
    (await registry.metrics())
      .split('\n')
      .find((text) => text.startsWith(`${line} `))
      ?.split(' ')
      .at(-1),
  );

it('counts a request while it is answered, and when it is', async () => {
  const registry = new Registry();
  const labels = 'method="GET",path="pods",server_type="readwrite",long_running="false"';
  const ended = countRequests(registry)(httpLabels('GET', 'pods'));
  expect(await sample(registry, `kubelet_http_inflight_requests{${labels}}`)).toBe(1);
  ended(200);
  expect(await sample(registry, `kubelet_http_inflight_requests{${labels}}`)).toBe(0);
  expect(await sample(registry, `kubelet_http_requests_total{${labels},code="200"}`)).toBe(1);
  expect(await sample(registry, `kubelet_http_requests_duration_seconds_count{${labels}}`)).toBe(1);
});

it('counts the streams that come as WebSockets in Kubernetes’ names', async () => {
  const registry = new Registry();
  const count = countWebSockets(registry);
  count('exec');
  count('port-forward');
  count('port-forward');
  const name = 'kubelet_websocket_streaming_requests_total';
  expect(await sample(registry, `${name}{subresource="exec"}`)).toBe(1);
  expect(await sample(registry, `${name}{subresource="portforward"}`)).toBe(2);
});

it('tells of pods that start or do not', async () => {
  const registry = new Registry();
  const pods = new PodMetrics(registry);
  pods.runtimeOperation('run_podsandbox', false);
  pods.runtimeOperation('run_podsandbox', true);
  pods.worked('create', 61);
  expect(await sample(registry, 'kubelet_started_pods_total')).toBe(2);
  expect(await sample(registry, 'kubelet_started_pods_errors_total')).toBe(1);
  expect(await sample(registry, 'kubelet_pod_worker_duration_seconds_sum{operation_type="create"}')).toBe(61);
});

it('tells how soon the first pod with a network of its own ran', async () => {
  const registry = new Registry();
  const pods = new PodMetrics(registry);
  const told = () => sample(registry, 'kubelet_first_network_pod_start_sli_duration_seconds');
  pods.startedIn(1, true);
  expect(await told()).toBe(0);
  pods.startedIn(3, false);
  pods.startedIn(2, false);
  expect(await told()).toBe(3);
});

it('tells what MemoryQoS keeps, where it is on', async () => {
  const registry = new Registry();
  const cgroups = new CgroupMetrics(registry);
  expect(await registry.metrics()).not.toContain('memory_qos');
  cgroups.kept(64, 32);
  expect(await sample(registry, 'kubelet_memory_qos_node_memory_min_bytes')).toBe(64);
  expect(await sample(registry, 'kubelet_memory_qos_node_memory_low_bytes')).toBe(32);
});

it('tells of containers that do not start, and of pods with users of their own', async () => {
  const registry = new Registry();
  const pods = new PodMetrics(registry);
  // Without a label they are there from the start, as Kubernetes' are.
  expect(await sample(registry, 'kubelet_started_user_namespaced_pods_total')).toBe(0);
  pods.userNamespaceWanted();
  pods.userNamespaceFailed();
  pods.containerFailed('init', 'CreateContainerError');
  expect(await sample(registry, 'kubelet_started_user_namespaced_pods_total')).toBe(1);
  expect(await sample(registry, 'kubelet_started_user_namespaced_pods_errors_total')).toBe(1);
  const labels = 'container_type="init_container",code="CreateContainerError"';
  expect(await sample(registry, `kubelet_started_containers_errors_total{${labels}}`)).toBe(1);
});

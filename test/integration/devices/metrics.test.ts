import {mkdtemp, rm} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {createClient} from '@connectrpc/connect';
import {expect, it} from 'vitest';
import {loadKubeletConfig} from '../../../src/config/kubelet.ts';
import {realClock} from '../../../src/edges/clock.ts';
import {grpcOverSocket} from '../../../src/edges/http/unix-grpc.ts';
import {PodResourcesLister} from '../../../src/edges/pod-resources/gen/podresources_pb.ts';
import {ResourceManagers} from '../../../src/kubelet/managers/manager.ts';
import {startPodResources} from '../../../src/kubelet/podresources/start.ts';
import {Telemetry} from '../../../src/kubelet/stats/metrics/telemetry.ts';
import type {Pod} from '../../../src/lib/kubernetes.ts';
import {silent} from '../../../src/lib/log.ts';
import {cpusOf, nodesOf} from '../../unit/kubelet/managers/machines.ts';

/** Guaranteed, with processors of its own. */
function pod(uid: string, cpu: string): Pod {
  const amounts = {cpu, memory: '1Gi'};
  const resources = {requests: amounts, limits: amounts};
  return {
    metadata: {name: uid, namespace: 'default', uid, resourceVersion: '1'},
    spec: {containers: [{name: 'main', resources}]},
  };
}

/** What e2e_node asks of cpu_manager_metrics_test.go, topology_manager_metrics_test.go and podresources_test.go. */
it('what containers get for themselves, and who asks for it, is counted', async () => {
  const rootDir = await mkdtemp(`${tmpdir()}/nodectl-managers-`);
  const telemetry = new Telemetry(0);
  const {config} = loadKubeletConfig([], {rootDir}, 'node-1');
  const common = {
    clock: realClock,
    telemetry,
  };
  const managers = await ResourceManagers.start({
    ...common,
    log: silent,
    onStatus: () => undefined,
    onPods: () => undefined,
    machine: {
      cpus: cpusOf({sockets: 1, nodesPerSocket: 2, coresPerNode: 4, threads: 1}),
      nodes: nodesOf(2),
    },
    config: {
      ...config,
      cpuManagerPolicy: 'static',
      kubeReserved: {cpu: '1'},
      topologyManagerPolicy: 'single-numa-node',
    },
  });
  const server = await startPodResources({
    ...common,
    config: {rootDir, featureGates: {}},
    managers,
    agent: {active: () => [], pods: () => [], find: () => undefined},
  });
  const grpc = grpcOverSocket(`${rootDir}/pod-resources/kubelet.sock`, 10_000);
  try {
    const value = async (name: string) =>
      (await telemetry.registry.metrics()).split('\n').find((line) => line.startsWith(`kubelet_${name} `));
    expect(await value('cpu_manager_shared_pool_size_millicores')).toMatch(/ 7000$/);
    expect(await managers.allocate(pod('a', '2'))).toBeUndefined();
    // Asked again, it has what it needs.
    expect(await managers.allocate(pod('a', '2'))).toBeUndefined();
    expect(await managers.allocate(pod('b', '5'))).toMatchObject({reason: 'TopologyAffinityError'});
    expect(await value('cpu_manager_pinning_requests_total')).toMatch(/ 1$/);
    expect(await value('cpu_manager_pinning_errors_total')).toMatch(/ 0$/);
    expect(await value('cpu_manager_shared_pool_size_millicores')).toMatch(/ 5000$/);
    expect(await value('cpu_manager_exclusive_cpu_allocation_count')).toMatch(/ 2$/);
    expect(await value('topology_manager_admission_requests_total')).toMatch(/ 3$/);
    expect(await value('topology_manager_admission_errors_total')).toMatch(/ 1$/);
    expect(await value('topology_manager_admission_duration_ms_count')).toMatch(/ 3$/);

    const aligned = (name: string, boundary: string, scope = 'container') =>
      value(`container_aligned_compute_resources_${name}{scope="${scope}",boundary="${boundary}"}`);
    expect(await aligned('count', 'numa_node')).toMatch(/ 2$/);
    expect(await aligned('failure_count', 'numa_node')).toMatch(/ 1$/);
    expect(await aligned('count', 'numa_node', 'pod')).toMatch(/ 0$/);
    expect(await aligned('count', 'uncore_cache')).toMatch(/ 1$/);
    expect(await aligned('count', 'physical_cpu')).toMatch(/ 0$/);
    expect(await value('cpu_manager_allocation_per_numa{numa_node="0"}')).toMatch(/ 2$/);
    expect(await value('cpu_manager_allocation_per_numa{numa_node="1"}')).toMatch(/ 0$/);

    const client = createClient(PodResourcesLister, grpc.transport);
    await client.list({});
    await client.getAllocatableResources({});
    await expect(client.get({podNamespace: 'default', podName: 'none'})).rejects.toThrow('not found');
    const endpoint = (name: string) =>
      value(`pod_resources_endpoint_${name}{server_api_version="v1"}`).then((line) =>
        line?.split(' ').at(-1),
      );
    expect(await endpoint('requests_total')).toBe('3');
    expect(await endpoint('requests_list')).toBe('1');
    expect(await endpoint('requests_get_allocatable')).toBe('1');
    expect(await endpoint('errors_get')).toBe('1');
    expect(await endpoint('errors_list')).toBeUndefined();
  } finally {
    grpc.close();
    await server.close();
    await managers.stop();
    await rm(rootDir, {recursive: true});
  }
});

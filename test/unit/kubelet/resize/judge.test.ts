import {beforeEach, describe, expect, it, vi} from 'vitest';
import {newMemory, type PodMemory} from '../../../../src/kubelet/pod/config/resources/memory.ts';
import type {PodView} from '../../../../src/kubelet/pod/status/view.ts';
import {allocationOf, type ResourceRecord} from '../../../../src/kubelet/resize/allocation.ts';
import {judgeResize} from '../../../../src/kubelet/resize/judge.ts';
import {Telemetry} from '../../../../src/kubelet/stats/metrics/telemetry.ts';
import type {Pod} from '../../../../src/lib/kubernetes.ts';
import {container, nowMs, pod, record, sandbox, seen} from '../pod/fixtures.ts';

/** A pod with one container, as somebody wants it. */
function wanting(cpu: string, generation: number, changes: Partial<Pod> = {}): Pod {
  const resources = {requests: {cpu, memory: '100Mi'}};
  return {...pod({containers: [container('main', {resources})]}, {generation}), ...changes};
}

const runtime = {sandboxes: [sandbox()], containers: [record('main')]};

/** A node with two processors and one pod (pkg/kubelet/allocation, allocation_manager_test.go). */
function node() {
  const told: string[] = [];
  const telemetry = new Telemetry(nowMs);
  const first = wanting('1', 1);
  let object = first;
  let known: ResourceRecord | undefined = {
    allocated: allocationOf(first),
    actuated: allocationOf(first),
  };
  let others: readonly Pod[] = [];
  const roomMade = vi.fn();
  const policies = {
    cpuManagerPolicy: 'none',
    memoryManagerPolicy: 'None',
    allowedUnsafeSysctls: [],
    version: 'v1.36.0',
  };
  const view = {
    deps: {
      clock: {now: () => nowMs},
      config: policies,
      facts: {resources: seen().resources, appArmor: false},
      recorder: {
        record: (_: object, type: string, reason: string, message: string) =>
          told.push(`${type} ${reason} ${message}`),
      },
      telemetry,
    },
    find: () => ({pod: object, isStatic: false}),
    records: {
      get: () => known,
      set: async (_: Pod, next: ResourceRecord) => {
        known = next;
      },
    },
    refuse: () => undefined,
    node: () => ({
      metadata: {name: 'n', uid: 'n', labels: {}},
      status: {allocatable: {cpu: '2', memory: '4Gi', pods: '10'}},
    }),
    active: () => [object, ...others].map((one) => ({pod: one, isStatic: false, ending: false})),
    roomMade,
  } as unknown as PodView;
  const memory: PodMemory = newMemory('uid-1', 300_000);
  memory.admitted = true;
  memory.resize = {};
  return {
    memory,
    policies,
    told,
    roomMade,
    counted: async (name: string) => (await telemetry.registry.getSingleMetric(name)?.get())?.values,
    record: () => known,
    actuate: () => {
      if (known !== undefined) known = {...known, actuated: known.allocated};
    },
    beside: (...pods: readonly Pod[]) => {
      others = pods;
    },
    async want(next: Pod) {
      object = next;
      await judgeResize(view, memory, runtime);
    },
    look: () => judgeResize(view, memory, runtime),
  };
}

let at: ReturnType<typeof node>;
beforeEach(() => {
  at = node();
});

const neighbour = {...wanting('500m', 1), metadata: {...pod().metadata, name: 'other', uid: 'uid-2'}};
const containers = (cpu: string) =>
  `"containers":[{"name":"main","resources":{"requests":{"cpu":"${cpu}","memory":"100Mi"}}}]`;

describe('a resize', () => {
  it('that fits is agreed to, and is over when the runtime has been told', async () => {
    await at.want(wanting('1500m', 2));
    expect(at.record()?.allocated.containers.main?.requests?.cpu).toBe('1500m');
    expect(at.memory.resize).toEqual({progress: {generation: 2, sinceMs: nowMs}});
    expect(at.told).toEqual([
      `Normal ResizeStarted Pod resize started: {${containers('1500m')},"generation":2}`,
    ]);
    at.actuate();
    await at.look();
    expect(at.memory.resize).toEqual({});
    expect(at.told[1]).toBe(
      `Normal ResizeCompleted Pod resize completed: {${containers('1500m')},"generation":2}`,
    );
    expect(at.roomMade).toHaveBeenCalledTimes(1);
  });

  it('for which there is no room waits, and is told of once for each wish', async () => {
    at.beside(neighbour);
    await at.want(wanting('1800m', 2));
    const message = "Node didn't have enough resource: cpu, requested: 1800, used: 500, capacity: 2000";
    const pending = {reason: 'Deferred', message, generation: 2, sinceMs: nowMs};
    expect(at.memory.resize).toEqual({pending});
    expect(at.record()?.allocated.containers.main?.requests?.cpu).toBe('1');
    await at.look();
    expect(at.told).toEqual([
      `Warning ResizeDeferred Pod resize Deferred: {${containers('1800m')},"generation":2,"error":${JSON.stringify(message)}}`,
    ]);
    await at.want(wanting('1900m', 3));
    expect(at.told).toHaveLength(2);
  });

  it('that is taken back while it waits, is over', async () => {
    at.beside(neighbour);
    await at.want(wanting('1800m', 2));
    await at.want(wanting('1', 3));
    expect(at.memory.resize).toEqual({});
    expect(at.record()?.allocated.containers.main?.requests?.cpu).toBe('1');
  });

  it('may wait while another one goes on', async () => {
    at.beside(neighbour);
    await at.want(wanting('1200m', 2));
    await at.want(wanting('1800m', 3));
    expect(at.memory.resize).toMatchObject({progress: {generation: 2}, pending: {generation: 3}});
    at.actuate();
    await at.look();
    expect(at.memory.resize?.progress).toBeUndefined();
    expect(at.memory.resize?.pending?.reason).toBe('Deferred');
  });

  it('begins anew with the next wish, without the error of the last', async () => {
    await at.want(wanting('1200m', 2));
    at.memory.resize = {progress: {generation: 2, sinceMs: 1, error: 'no', retryAtMs: 5}};
    await at.want(wanting('1300m', 3));
    expect(at.memory.resize).toEqual({progress: {generation: 3, sinceMs: nowMs}});
  });

  it('that can never be is judged once', async () => {
    at.policies.cpuManagerPolicy = 'static';
    const both = (cpu: string) => ({cpu, memory: '1Gi'});
    const guaranteed = (cpu: string, generation: number) =>
      pod(
        {containers: [container('main', {resources: {requests: both(cpu), limits: both(cpu)}})]},
        {generation},
      );
    await at.want(guaranteed('2', 2));
    await at.look();
    expect(at.memory.resize?.pending?.reason).toBe('Infeasible');
    expect(at.told.map((words) => words.split(' ', 2).join(' '))).toEqual(['Warning ResizeInfeasible']);
    expect(await at.counted('kubelet_pod_infeasible_resizes_total')).toEqual([
      {labels: {reason_detail: 'guaranteed_pod_cpu_manager_static_policy'}, value: 1},
    ]);
  });

  it('is none of a pod that is being deleted', async () => {
    const {metadata} = pod();
    const deleted = {...metadata, deletionTimestamp: '2026-01-01T00:00:00Z'};
    await at.want(wanting('1500m', 2, {metadata: deleted}));
    expect(at.record()?.allocated.containers.main?.requests?.cpu).toBe('1');
    expect(at.told).toEqual([]);
  });
});

describe('a resize that has waited counts by what made it be looked at again (TestRecordPodDeferredAcceptedResizes)', () => {
  const accepted = 'kubelet_pod_deferred_accepted_resizes_total';

  it.each(['pod_resized', 'pods_removed', 'pod_terminated'] as const)('%s', async (wokenBy) => {
    at.beside(neighbour);
    await at.want(wanting('1800m', 2));
    at.beside();
    at.memory.wokenBy = wokenBy;
    await at.look();
    expect(await at.counted(accepted)).toEqual([{labels: {retry_trigger: wokenBy}, value: 1}]);
    expect(at.memory.wokenBy).toBeUndefined();
  });

  it('pod_updated: a smaller wish', async () => {
    at.beside(neighbour);
    await at.want(wanting('1800m', 2));
    await at.want(wanting('1200m', 3));
    expect(await at.counted(accepted)).toEqual([{labels: {retry_trigger: 'pod_updated'}, value: 1}]);
  });

  it('periodic_retry: only time has gone by', async () => {
    at.beside(neighbour);
    await at.want(wanting('1800m', 2));
    at.beside();
    await at.look();
    expect(await at.counted(accepted)).toEqual([{labels: {retry_trigger: 'periodic_retry'}, value: 1}]);
  });

  it('pods_added: the first look after a restart', async () => {
    at.memory.resize = undefined;
    const condition = {type: 'PodResizePending', status: 'True', reason: 'Deferred', observedGeneration: 2};
    await at.want(wanting('1200m', 2, {status: {conditions: [condition]}}));
    expect(await at.counted(accepted)).toEqual([{labels: {retry_trigger: 'pods_added'}, value: 1}]);
  });

  it('not at all where it did not wait', async () => {
    await at.want(wanting('1200m', 2));
    expect(await at.counted(accepted)).toEqual([]);
  });
});

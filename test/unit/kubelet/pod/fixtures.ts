import {containerHash} from '../../../../src/kubelet/pod/actions/hash.ts';
import {containerAnnotations} from '../../../../src/kubelet/pod/config/container-config.ts';
import type {ResourceFacts} from '../../../../src/kubelet/pod/config/resources/resources.ts';
import type {PodSeen} from '../../../../src/kubelet/pod/seen.ts';
import type {RuntimeContainer, RuntimeSandbox} from '../../../../src/kubelet/pod/status/runtime-state.ts';
import type {Container, Pod, PodSpec} from '../../../../src/lib/kubernetes.ts';

/** A world in which all is well; tests change one thing in it. */
export const nowMs = Date.parse('2026-01-01T00:10:00Z');

export function container(name: string, rest: Partial<Container> = {}): Container {
  return {name, image: `image-of-${name}:1`, ...rest};
}

export function pod(spec: Partial<PodSpec> = {}, metadata: Partial<Pod['metadata']> = {}): Pod {
  return {
    metadata: {
      name: 'web',
      namespace: 'default',
      uid: 'uid-1',
      resourceVersion: '1',
      generation: 1,
      ...metadata,
    },
    spec: {containers: [container('main')], restartPolicy: 'Always', ...spec},
  };
}

export function sandbox(rest: Partial<RuntimeSandbox> = {}): RuntimeSandbox {
  return {
    id: 'sandbox-0',
    name: 'web',
    namespace: 'default',
    attempt: 0,
    ready: true,
    createdAtMs: nowMs - 60_000,
    ips: ['10.0.0.7'],
    hostNetwork: false,
    ...rest,
  };
}

export function record(name: string, rest: Partial<RuntimeContainer> = {}): RuntimeContainer {
  return {
    id: `${name}-0`,
    name,
    sandboxId: 'sandbox-0',
    attempt: 0,
    state: 'running',
    createdAtMs: nowMs - 50_000,
    startedAtMs: nowMs - 50_000,
    finishedAtMs: 0,
    exitCode: 0,
    reason: '',
    message: '',
    image: `image-of-${name}:1`,
    imageRef: `sha256:${name}`,
    logPath: `/logs/${name}/0.log`,
    annotations: {[containerAnnotations.hash]: containerHash(container(name))},
    user: undefined,
    ...rest,
  };
}

export function exited(name: string, exitCode = 0, rest: Partial<RuntimeContainer> = {}): RuntimeContainer {
  const reason = exitCode === 0 ? 'Completed' : 'Error';
  return record(name, {state: 'exited', exitCode, reason, finishedAtMs: nowMs - 1000, ...rest});
}

const facts: ResourceFacts = {
  memoryCapacityBytes: 8 * 2 ** 30,
  cgroupV2: true,
  cpuCfsQuota: true,
  cpuCfsQuotaPeriodUs: 100_000,
  singleProcessOomKill: true,
  hugePageSizes: [],
  swapAccounting: false,
};

export function seen(rest: Partial<PodSeen> = {}): PodSeen {
  const ready = {state: 'ready', image: {ref: 'sha256:x', user: {}}} as const;
  const object = rest.pod ?? pod();
  const all = [...object.spec.containers, ...(object.spec.initContainers ?? [])];
  return {
    uid: 'uid-1',
    nowMs,
    monotonicMs: 1_000_000,
    pod: object,
    lastPod: object,
    admitted: true,
    sourcesSynced: true,
    isStatic: false,
    runtime: {sandboxes: [sandbox()], containers: all.map(({name}) => record(name))},
    probes: new Map(),
    images: new Map(all.map(({name}) => [name, ready])),
    volumes: {state: 'ready'},
    startFailures: new Map(),
    crashes: new Map(),
    verdict: undefined,
    stopping: new Map(),
    networkProblem: undefined,
    local: 'prepared',
    status: undefined,
    written: undefined,
    objectDeleted: false,
    told: new Set(),
    hostIps: ['192.0.2.1'],
    resources: facts,
    actuated: undefined,
    resize: {},
    resizeInMs: 0,
    restarting: new Set(),
    ...rest,
  };
}

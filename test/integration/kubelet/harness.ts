import {mkdir} from 'node:fs/promises';
import {type KubeletConfig, loadKubeletConfig} from '../../../src/config/kubelet.ts';
import {realClock} from '../../../src/edges/clock.ts';
import {type Cri, connectCri, type OnCriCall} from '../../../src/edges/cri/client.ts';
import {startEventRecorder} from '../../../src/edges/kube/events.ts';
import {startPodAgent} from '../../../src/kubelet/agent/agent.ts';
import type {PodAgent} from '../../../src/kubelet/agent/agent-api.ts';
import type {PodAgentOptions} from '../../../src/kubelet/agent/agent-parts.ts';
import type {DynamicResources, DynamicResourcesOptions} from '../../../src/kubelet/dra/manager.ts';
import type {ResourceManagers} from '../../../src/kubelet/managers/manager.ts';
import type {ContainerStatus, Node, Pod, PodSpec} from '../../../src/lib/kubernetes.ts';
import type {Logger} from '../../../src/lib/log.ts';
import {pods, serviceAccounts} from '../../../src/lib/resources.ts';
import {createAdmission} from '../../../src/sandbox/admission/admit.ts';
import {type Sandbox, startSandbox} from '../../../src/sandbox/server.ts';
import {type ContainerdOptions, startContainerd, type TestContainerd} from '../support/containerd.ts';
import {busyboxImage} from '../support/images.ts';
import {until} from '../support/wait.ts';
import {evidence, LogTail} from './evidence.ts';

/** A node of a test's own: containerd, the sandbox's API, and the pod agent in this very process. */
export type TestNode = {
  readonly containerd: TestContainerd;
  readonly sandbox: Sandbox;
  readonly config: KubeletConfig;
  agent(): PodAgent;
  /** Ends the agent and starts another, as a restart of the kubelet does; `meanwhile` happens in between. */
  restart(meanwhile?: () => Promise<unknown>): Promise<void>;
  create(name: string, spec: Partial<PodSpec>, metadata?: object): Promise<Pod>;
  get(name: string): Promise<Pod | undefined>;
  remove(name: string, gracePeriodSeconds?: number): Promise<void>;
  waitFor(name: string, what: string, check: (pod: Pod) => boolean, timeoutMs?: number): Promise<Pod>;
  gone(name: string): Promise<void>;
  stop(): Promise<void>;
};

export const nodeName = 'node-1';
const namespace = 'default';
let cgroupRoots = 0;

/** The Node as the pod agent sees it; the tests need no agent that registers one. */
export function ownNode(): Node {
  return {
    metadata: {name: nodeName, uid: nodeName, resourceVersion: '1', labels: {'kubernetes.io/os': 'linux'}},
    status: {allocatable: {cpu: '2', memory: '4Gi', 'ephemeral-storage': '10Gi', pods: '110'}},
  };
}

export type NodeOptions = ContainerdOptions & {
  readonly config?: Partial<KubeletConfig>;
  readonly refuse?: PodAgentOptions['refuse'];
  readonly onCriCall?: OnCriCall;
  /** Made anew at each start of the agent. */
  readonly managers?: (config: KubeletConfig, retry: (uid: string) => void) => Promise<ResourceManagers>;
  /** As well. */
  readonly dynamicResources?: (
    options: Pick<DynamicResourcesOptions, 'config' | 'client' | 'log'>,
    retry: (uid: string) => void,
  ) => Promise<DynamicResources>;
};

export async function startNode(options: NodeOptions = {}): Promise<TestNode> {
  const containerd = await startContainerd(options);
  const {dir} = containerd;
  try {
    await mkdir(`${dir}/api`);
    const tail = new LogTail();
    const log = tail.logger();
    const sandbox = await startSandbox({
      stateDir: `${dir}/api`,
      address: '127.0.0.1',
      port: 0,
      serviceCidr: '10.96.0.0/12',
      podCidr: '10.244.0.0/16',
      clusterDomain: 'cluster.local',
      version: 'v1.36.0',
      log,
      clock: realClock,
      admit: createAdmission({serviceCidrs: ['10.96.0.0/12'], random: Math.random}),
    });
    return await assemble(containerd, sandbox, options, {tail, log});
  } catch (error) {
    await containerd.remove();
    throw error;
  }
}

async function assemble(
  containerd: TestContainerd,
  sandbox: Sandbox,
  {config: overrides = {}, refuse, managers: startManagers, dynamicResources, onCriCall}: NodeOptions,
  {tail, log}: {tail: LogTail; log: Logger},
): Promise<TestNode> {
  const {dir, layout} = containerd;
  const flags = {rootDir: layout.kubeletDir, containerLogDir: layout.containerLogDir};
  const loaded = loadKubeletConfig([], flags, nodeName).config;
  const config = {
    ...loaded,
    podLogsDir: layout.podLogDir,
    containerRuntimeEndpoint: containerd.endpoint,
    cgroupRoot: `/nodectl-test-${process.pid}-${cgroupRoots++}`,
    ...overrides,
  };
  const {client} = sandbox;
  let cri: Cri;
  let agent: PodAgent;
  let managers: ResourceManagers | undefined;
  let dynamic: DynamicResources | undefined;
  const begin = async () => {
    cri = connectCri(containerd.endpoint, undefined, onCriCall);
    const recorder = startEventRecorder({
      client,
      clock: realClock,
      log,
      component: 'kubelet',
      host: nodeName,
    });
    managers = await startManagers?.(config, (uid) => agent.retry(uid));
    dynamic = await dynamicResources?.({config, client, log}, (uid) => agent.retry(uid));
    agent = await startPodAgent({
      client,
      cri,
      nodeName,
      nodeIps: () => ['192.0.2.1'],
      node: () => ownNode(),
      allocatable: () => ({cpu: '2', memory: '4Gi'}),
      config,
      recorder,
      services: {services: () => [], hasSynced: () => true},
      clock: realClock,
      log,
      startsAtOnce: 4,
      ...(refuse === undefined ? {} : {refuse}),
      ...(managers === undefined ? {} : {managers}),
      ...(dynamic === undefined ? {} : {dynamicResources: dynamic}),
    });
    await agent.synced;
  };
  const instead = (name: string) => () => evidence(client, containerd, tail, name);
  await client.create(serviceAccounts, {metadata: {name: 'default', namespace}}, {namespace});
  await begin();
  const get = async (name: string) =>
    (await client.list(pods, {namespace})).items.find(({metadata}) => metadata.name === name);
  return {
    containerd,
    sandbox,
    config,
    agent: () => agent,
    async restart(meanwhile) {
      await agent.stop();
      await managers?.stop();
      await dynamic?.stop();
      cri.close();
      await meanwhile?.();
      await begin();
    },
    create: (name, spec, metadata = {}) =>
      client.create(
        pods,
        {
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: {name, namespace, ...metadata},
          spec: {automountServiceAccountToken: false, containers: [], nodeName, ...spec},
        },
        {namespace},
      ),
    get,
    remove: (name, gracePeriodSeconds) =>
      client.delete(pods, {namespace, name}, gracePeriodSeconds === undefined ? {} : {gracePeriodSeconds}),
    waitFor: (name, what, check, timeoutMs = 30_000) =>
      until(
        `${name}: ${what}`,
        async () => {
          const pod = await get(name);
          return pod !== undefined && check(pod) ? pod : undefined;
        },
        {timeoutMs, instead: instead(name)},
      ),
    gone: (name) =>
      until(`${name} is gone`, async () => (await get(name)) === undefined, {instead: instead(name)}).then(
        () => undefined,
      ),
    async stop() {
      await agent?.stop();
      await managers?.stop();
      await dynamic?.stop();
      cri?.close();
      await sandbox.close();
      await containerd.remove();
      await import('../../../src/edges/cgroups/cgroup-tree.ts').then(({removeCgroup}) =>
        removeCgroup(config.cgroupRoot),
      );
      void dir;
    },
  };
}

export function shell(name: string, script: string, rest: object = {}) {
  return {name, image: busyboxImage, command: ['sh', '-c', script], ...rest};
}

/** A container that ends at once when it is told to. */
export function sleeper(name: string, rest: object = {}) {
  return shell(name, 'trap "exit 0" TERM; while :; do sleep 3600 & wait $!; done', rest);
}

export function condition(pod: Pod, type: string): string | undefined {
  return pod.status?.conditions?.find((c) => c.type === type)?.status;
}

export const isReady = (pod: Pod): boolean => condition(pod, 'Ready') === 'True';

export function statusOf(pod: Pod, container: string): ContainerStatus | undefined {
  const {containerStatuses = [], initContainerStatuses = []} = pod.status ?? {};
  return [...containerStatuses, ...initContainerStatuses].find(({name}) => name === container);
}

import {isEnabled} from '../../config/kubelet/feature-gates.ts';
import type {KubeletConfig} from '../../config/kubelet.ts';
import {servePodResources} from '../../edges/pod-resources/server.ts';
import type {Pod} from '../../lib/kubernetes.ts';
import type {Clock} from '../../lib/time.ts';
import type {PodAgent} from '../agent/agent-api.ts';
import type {DynamicResources} from '../dra/manager.ts';
import type {ResourceManagers} from '../managers/manager.ts';
import type {PodResourcesCall} from '../stats/metrics/manager-metrics.ts';
import type {Telemetry} from '../stats/metrics/telemetry.ts';
import {allocatableAnswer, alphaAnswer, podAnswer} from './answers.ts';
import {TokenBucket} from './token-bucket.ts';

export type PodResourcesOptions = {
  /** The socket is `pod-resources/kubelet.sock` in the kubelet's root. */
  readonly config: Pick<KubeletConfig, 'rootDir' | 'featureGates'>;
  readonly managers: ResourceManagers;
  readonly dynamicResources?: Pick<DynamicResources, 'claimsOf'>;
  readonly agent: Pick<PodAgent, 'active' | 'pods' | 'find'>;
  readonly clock: Clock;
  readonly telemetry?: Pick<Telemetry, 'managers'>;
};

/** apis/podresources: so many questions a second, and so many at once. */
const perSecond = 100;
const burst = 10;

export function startPodResources(options: PodResourcesOptions): Promise<{close(): Promise<void>}> {
  const {config, managers, agent, clock, telemetry} = options;
  const asked = (call: PodResourcesCall, failed = false) => telemetry?.managers.asked(call, failed);
  const answer = (pod: Pod) => podAnswer(options, pod);
  const bucket = new TokenBucket(perSecond, burst, clock);
  // Off, as it was before Kubernetes 1.34: pods that are over are told of too.
  const listsActive = isEnabled(config.featureGates, 'KubeletPodResourcesListUseActivePods');
  return servePodResources(`${config.rootDir}/pod-resources/kubelet.sock`, {
    list: () => {
      asked('list');
      return (listsActive ? agent.active().map(({pod}) => pod) : agent.pods()).map(answer);
    },
    listAlpha: () => {
      telemetry?.managers.askedAlpha();
      return agent.pods().map((pod) => alphaAnswer(options, pod));
    },
    get: (namespace, name) => {
      const pod = agent.find(namespace, name);
      asked('get', pod === undefined);
      return pod === undefined ? undefined : answer(pod);
    },
    allocatable: () => {
      asked('get_allocatable');
      return allocatableAnswer(managers);
    },
    mayAsk: () => bucket.take(),
  });
}

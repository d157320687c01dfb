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
  /** The kubelet's root: the socket is `pod-resources/kubelet.sock` in it. */
  readonly rootDir: string;
  readonly managers: ResourceManagers;
  readonly dynamicResources?: Pick<DynamicResources, 'claimsOf'>;
  readonly agent: Pick<PodAgent, 'active' | 'find'>;
  readonly clock: Clock;
  readonly telemetry?: Pick<Telemetry, 'managers'>;
};

/** apis/podresources: so many questions a second, and so many at once. */
const perSecond = 100;
const burst = 10;

export function startPodResources(options: PodResourcesOptions): Promise<{close(): Promise<void>}> {
  const {rootDir, managers, agent, clock, telemetry} = options;
  const asked = (call: PodResourcesCall, failed = false) => telemetry?.managers.asked(call, failed);
  const answer = (pod: Pod) => podAnswer(options, pod);
  const bucket = new TokenBucket(perSecond, burst, clock);
  return servePodResources(`${rootDir}/pod-resources/kubelet.sock`, {
    list: () => {
      asked('list');
      return agent.active().map(({pod}) => answer(pod));
    },
    listAlpha: () => {
      telemetry?.managers.askedAlpha();
      return agent.active().map(({pod}) => alphaAnswer(options, pod));
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

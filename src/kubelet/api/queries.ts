import type {KubeletConfig} from '../../config/kubelet.ts';
import type {Pod} from '../../lib/kubernetes.ts';
import {quantityMilli, quantityValue} from '../../lib/quantity.ts';
import type {Allocated, PodAgent} from '../agent/agent-api.ts';
import {podRequests} from '../pod/config/resources/pod-resources.ts';
import {isTerminal} from '../pod/status/phase.ts';
import {newestContainer} from '../pod/status/runtime-state.ts';
import type {PodWorkers} from '../pod/worker.ts';
import type {RuntimeCache} from '../runtime/cache.ts';
import {loggedContainer} from '../server/logs/log-options.ts';
import type {KnownPod, PodStore} from './pod-store.ts';

export type QuerySources = {
  readonly config: KubeletConfig;
  readonly store: PodStore;
  readonly runtime: RuntimeCache;
  readonly workers: PodWorkers;
};

type Queries = Pick<
  PodAgent,
  'pods' | 'find' | 'containerId' | 'sandboxId' | 'logPath' | 'allocated' | 'working'
>;

/** What the rest of the kubelet may ask; answered from what is known, without asking anybody. */
export function queries({store, runtime, workers}: QuerySources): Queries {
  const withStatus = ({pod}: KnownPod): Pod => {
    const status = workers.status(pod.metadata.uid) ?? pod.status;
    return {...pod, ...(status === undefined ? {} : {status})};
  };
  const runtimeOf = (namespace: string, name: string, uid?: string) => {
    const known = store.find(namespace, name, uid);
    return known === undefined ? undefined : runtime.peek(known.pod.metadata.uid);
  };
  const pods = () => store.all().map(withStatus);
  return {
    pods,
    find(namespace, name, uid) {
      const known = store.find(namespace, name, uid);
      return known === undefined ? undefined : withStatus(known);
    },
    containerId(namespace, pod, container, uid) {
      const seen = runtimeOf(namespace, pod, uid);
      const newest = seen === undefined ? undefined : newestContainer(seen, container);
      return newest?.state === 'running' ? newest.id : undefined;
    },
    sandboxId: (namespace, pod, uid) =>
      runtimeOf(namespace, pod, uid)?.sandboxes.find(({ready}) => ready)?.id,
    logPath(namespace, pod, container, previous, uid) {
      const known = store.find(namespace, pod, uid);
      if (known === undefined) return undefined;
      // What waits for its next try has its last run as the previous one: so its status says.
      const id = loggedContainer(withStatus(known), container, previous);
      const runs = runtime.peek(known.pod.metadata.uid)?.containers;
      return runs?.find((run) => run.id === id)?.logPath || undefined;
    },
    allocated: () => allocatedOf(pods()),
    working: () =>
      workers.working().map(({uid, pod, lifecycle}) => {
        const known = store.get(uid) === undefined ? 'orphan' : 'desired';
        return {pod, lifecycle, config: pod === undefined ? 'runtime_only' : known};
      }),
  };
}

function allocatedOf(pods: readonly Pod[]): Allocated {
  const alive = pods.filter(({status}) => !isTerminal(status?.phase));
  let [cpuMilli, memoryBytes] = [0, 0];
  for (const {spec} of alive) {
    const requests = podRequests(spec, {overhead: true});
    cpuMilli += quantityMilli(requests.cpu);
    memoryBytes += quantityValue(requests.memory);
  }
  return {pods: alive.length, cpuMilli, memoryBytes};
}

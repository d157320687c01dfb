import {startBootstrap} from './bootstrap/run.ts';
import {createCaches, startCaches, stopCaches} from './caches.ts';
import type {Context} from './controller.ts';
import {startCsrs} from './csr/run.ts';
import {startDeployments} from './deployment/run.ts';
import type {ControllerDeps} from './deps.ts';
import {startEndpointSlices} from './endpointslices/run.ts';
import {EventRecorder} from './events.ts';
import {startNamespaces} from './namespaces.ts';
import {startNodeIpam} from './node/ipam.ts';
import {startNodeLifecycle} from './node/lifecycle.ts';
import {startTaintEviction} from './node/taint-eviction.ts';
import {startPodGc} from './pod-gc.ts';
import {startPublishers} from './publishers.ts';
import {startReplicaSets} from './replicaset/run.ts';
import {startScheduler} from './scheduler/run.ts';
import {seed} from './seed.ts';
import {startEphemeralVolumes, startStorage} from './storage/run.ts';

export type {ControllerDeps} from './deps.ts';

/** The controllers of the sandbox, each with a queue of its own over the same caches. */
const controllers = [
  startBootstrap,
  startCsrs,
  startPublishers,
  startNamespaces,
  startNodeIpam,
  startNodeLifecycle,
  startTaintEviction,
  startScheduler,
  startEndpointSlices,
  startDeployments,
  startReplicaSets,
  startPodGc,
  startStorage,
  startEphemeralVolumes,
];

/** Seeds the cluster and starts every controller; resolves when all of them see everything. */
export async function startControllers(deps: ControllerDeps): Promise<{stop(): Promise<void>}> {
  await seed(deps);
  const ready = Promise.withResolvers<void>();
  const caches = createCaches(deps);
  const events = new EventRecorder(deps);
  const context: Context = {...deps, caches, events, ready: ready.promise};
  const queues = controllers.map((start) => start(context));
  await startCaches(caches);
  ready.resolve();
  return {
    stop: async () => {
      await Promise.all(queues.map((queue) => queue.stop()));
      await events.stop();
      await stopCaches(caches);
    },
  };
}

import type {KubeClient} from '../../edges/kube/client.ts';
import {startReflector} from '../../edges/kube/watch/reflector.ts';
import type {Service} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import {services} from '../../lib/resources.ts';
import type {Clock} from '../../lib/time.ts';
import type {ServiceSource} from '../pod/deps.ts';

export type RunningServiceSource = ServiceSource & {stop(): Promise<void>};

/** The cluster's Services, kept only as far as environments tell of them. */
export function startServiceSource(options: {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly log: Logger;
}): RunningServiceSource {
  const reflector = startReflector<Service>({...options, resource: services, trim});
  return {
    services: () => reflector.store.values(),
    hasSynced: () => reflector.hasSynced(),
    stop: () => reflector.stop(),
  };
}

function trim({metadata, spec}: Service): Service {
  const {name, namespace, uid, resourceVersion} = metadata;
  const {clusterIP, ports, type} = spec;
  return {
    metadata: {name, namespace, uid, resourceVersion},
    spec: {
      ...(clusterIP === undefined ? {} : {clusterIP}),
      ...(type === undefined ? {} : {type}),
      ...(ports === undefined ? {} : {ports}),
    },
  };
}

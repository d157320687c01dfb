import type {KubeClient} from '../../edges/kube/client.ts';
import {startReflector} from '../../edges/kube/watch/reflector.ts';
import type {Pod} from '../../lib/kubernetes.ts';
import type {Logger} from '../../lib/log.ts';
import {pods} from '../../lib/resources.ts';
import type {Clock} from '../../lib/time.ts';

export type PodEvent = {
  readonly type: 'added' | 'modified' | 'deleted';
  readonly pod: Pod;
  readonly old?: Pod;
};

/** Pods as one source knows them. */
export type PodSource = {
  readonly synced: Promise<void>;
  hasSynced(): boolean;
  stop(): Promise<void>;
};

export type ApiSourceOptions = {
  readonly client: KubeClient;
  readonly nodeName: string;
  readonly clock: Clock;
  readonly log: Logger;
  readonly onEvent: (event: PodEvent) => void;
  readonly onSynced: () => void;
};

/** The pods that the API server has bound to this node. */
export function startApiSource(options: ApiSourceOptions): PodSource {
  const {client, nodeName, clock, log, onEvent, onSynced} = options;
  const reflector = startReflector<Pod>({
    client,
    resource: pods,
    query: {fieldSelector: `spec.nodeName=${nodeName}`},
    // Nobody here reads them, and they are large.
    trim: ({metadata: {managedFields: _, ...metadata}, ...pod}) => ({...pod, metadata}),
    clock,
    log,
    onEvent: ({type, object, old}) => onEvent({type, pod: object, ...(old === undefined ? {} : {old})}),
    onSynced,
  });
  return {synced: reflector.synced, hasSynced: reflector.hasSynced, stop: () => reflector.stop()};
}

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

/**
 * The pods that the API server has bound to this node. Those that are there at the start are told in the order in which
 * they were made: where there is no room for all, the older are admitted (kubelet.go, HandlePodAdditions).
 */
export function startApiSource(options: ApiSourceOptions): PodSource {
  const {client, nodeName, clock, log, onEvent, onSynced} = options;
  let first: PodEvent[] | undefined = [];
  const reflector = startReflector<Pod>({
    client,
    resource: pods,
    query: {fieldSelector: `spec.nodeName=${nodeName}`},
    // Nobody here reads them, and they are large.
    trim: ({metadata: {managedFields: _, ...metadata}, ...pod}) => ({...pod, metadata}),
    clock,
    log,
    onEvent: ({type, object, old}) => {
      const event = {type, pod: object, ...(old === undefined ? {} : {old})};
      if (first === undefined) onEvent(event);
      else first.push(event);
    },
    onSynced: () => {
      const events = first ?? [];
      first = undefined;
      for (const event of events.sort((a, b) => madeAt(a.pod) - madeAt(b.pod))) onEvent(event);
      onSynced();
    },
  });
  return {synced: reflector.synced, hasSynced: reflector.hasSynced, stop: () => reflector.stop()};
}

function madeAt({metadata}: Pod): number {
  return Date.parse(metadata.creationTimestamp ?? '') || 0;
}

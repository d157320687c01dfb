import type {Container, PodSpec} from '../../lib/kubernetes.ts';
import {parseQuantity} from '../../lib/quantity.ts';

export type QosClass = 'Guaranteed' | 'Burstable' | 'BestEffort';

/**
 * pkg/apis/core/v1/helper/qos: Guaranteed when every container has equal cpu and memory requests and limits. What the
 * pod has as a whole counts instead of its containers, also when it is empty.
 */
export function qosClass(spec: PodSpec): QosClass {
  const resources = spec.resources;
  if (resources !== undefined) return classOf([{resources}]);
  return classOf([...spec.containers, ...(spec.initContainers ?? [])]);
}

const kinds = ['cpu', 'memory'] as const;

function classOf(containers: readonly Pick<Container, 'resources'>[]): QosClass {
  const asks = containers.flatMap(({resources}) => [
    ...kinds.map((kind) => amount(resources?.requests?.[kind])),
    ...kinds.map((kind) => amount(resources?.limits?.[kind])),
  ]);
  if (!asks.some((value) => value > 0n)) return 'BestEffort';
  const guaranteed = containers.every(({resources}) =>
    kinds.every((kind) => {
      const limit = amount(resources?.limits?.[kind]);
      const request = resources?.requests?.[kind];
      return limit > 0n && (request === undefined || amount(request) === limit);
    }),
  );
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

function amount(text: string | undefined): bigint {
  return text === undefined ? 0n : (parseQuantity(text) ?? 0n);
}

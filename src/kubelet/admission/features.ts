import {couldRestartAll} from '../../config/pod/restart-rules.ts';
import type {Pod} from '../../lib/kubernetes.ts';
import type {Rejection} from './types.ts';

/** What a pod needs that not every node can (component-helpers, nodedeclaredfeatures). */
const needs: readonly {readonly name: string; readonly by: (pod: Pod) => boolean}[] = [
  {name: 'RestartAllContainersOnContainerExits', by: ({spec}) => couldRestartAll(spec)},
  {
    name: 'UserNamespacesHostNetworkSupport',
    by: ({spec}) => spec.hostNetwork === true && spec.hostUsers === false,
  },
];

/** `declared`: none where the node's release declares nothing, and its pods are held to nothing. */
export function lacksFeatures(pod: Pod, declared: readonly string[]): Rejection | undefined {
  if (declared.length === 0) return undefined;
  const missing = needs.filter(({name, by}) => by(pod) && !declared.includes(name)).map(({name}) => name);
  if (missing.length === 0) return undefined;
  const message = `Pod requires node features that are not available: ${missing.join(', ')}`;
  return {reason: 'PodFeatureUnsupported', message};
}
